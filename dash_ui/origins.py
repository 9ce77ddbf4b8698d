"""Which pages may ask, and by which names this machine is asked."""

import os
from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

#: The variable with the origins, besides our own, whose pages may ask: a proxy in front of us, as the browser sees it.
ORIGINS = "STREAMAPP_CORS_ORIGINS"


def allowed() -> frozenset[str]:
    """The origins that the environment names (RFC 6454)."""
    return frozenset(origin.strip() for origin in os.environ.get(ORIGINS, "").split(",") if origin.strip())


def is_foreign(origin: str | None, host: str, others: Collection[str]) -> bool:
    """Whether a page from elsewhere sends this; browsers say `Origin` with all that may change something."""
    return origin is not None and origin not in others and origin.partition("://")[2] != host


def is_here(host: str, others: Collection[str]) -> bool:
    """Whether this is for this machine by a name of its own: a page from elsewhere can give its name our address."""
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return False
    return is_loopback(name or "") or any(origin.partition("://")[2] == host for origin in others)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches this address. A name counts as reachable, except `localhost`."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
