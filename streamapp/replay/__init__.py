"""Replays: history sent through a model again, from PostgreSQL and the object store, beside the live stream."""
