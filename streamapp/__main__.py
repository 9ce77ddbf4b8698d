"""The command line: `streamapp up | worker | produce | predict`."""
