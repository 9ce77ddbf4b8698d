"""The embedded servers and the processes of `streamapp up`: started, watched, logged and stopped together."""
