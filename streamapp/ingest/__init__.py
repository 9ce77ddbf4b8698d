"""Ingest: check an image, publish it; cameras, data sets and folders as clients of the same path."""
