"""Producers: cameras, data sets and folders, each a client of `POST /api/v1/images`."""
