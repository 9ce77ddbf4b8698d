"""The embedded servers and processes of `streamapp up`."""
