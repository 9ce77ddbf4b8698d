"""Measurements of the running platform; `python -m benchmarks --help` lists them."""
