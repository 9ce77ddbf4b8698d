"""URLs of servers as people may see them."""

from urllib.parse import urlsplit


def masked(url: str) -> str:
    """The URL without user and password, for error messages and logs."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
