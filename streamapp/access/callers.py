"""Callers and scopes, and whether this process may listen where it is told to."""

import re
import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal, get_args

from streamapp.errors import SettingsError
from streamapp.settings import Settings

Scope = Literal["read", "write", "label", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
#: A shorter secret can be guessed offline from one token (RFC 7518, section 3.2: as long as the hash).
SECRET_CHARACTERS = 32


_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")


@dataclass(frozen=True)
class Caller:
    """Who sent a request: a name for the log and the limits, and the scopes. `admin` may do everything."""

    name: str
    scopes: frozenset[str]

    def may(self, scope: Scope) -> bool:
        """Whether it may do what needs this scope."""
        return scope in self.scopes or "admin" in self.scopes


#: Who it is where nobody is asked to say so.
ANYBODY = Caller("anybody", frozenset(SCOPES))
#: Who it is before that is known.
NOBODY = Caller("nobody", frozenset())


def guarded(settings: Settings) -> bool:
    """Whether requests must say whose they are."""
    return settings.auth or bool(settings.jwt_secret or settings.jwt_keys)


def origins(settings: Settings) -> frozenset[str]:
    """The origins whose pages may ask (RFC 6454)."""
    return frozenset(origin.strip() for origin in settings.cors_origins.split(",") if origin.strip())


def tls(settings: Settings) -> ssl.SSLContext | None:
    """What workers answer https with; None where they answer http.

    Raises:
        SettingsError: the certificate or its key cannot be used.
    """
    if not settings.tls_cert:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # With a password, even an empty one, a key that needs one is an error; OpenSSL would ask at the terminal.
        context.load_cert_chain(settings.tls_cert, settings.tls_key or None, password="")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise SettingsError(
            f"STREAMAPP_TLS_CERT={settings.tls_cert} and its key cannot be used: {error}; both are PEM, the key "
            "belongs to the certificate and has no password"
        ) from error
    return context


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches this address. A name counts as reachable, except `localhost`."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def check(settings: Settings) -> None:
    """See that the door is shut where strangers could come in.

    Raises:
        SettingsError: it would listen beyond this machine and let everybody in, or tokens are set up in part.
    """
    if settings.jwt_secret and len(settings.jwt_secret) < SECRET_CHARACTERS:
        raise SettingsError(f"STREAMAPP_JWT_SECRET has fewer than {SECRET_CHARACTERS} characters: it could be guessed")
    if settings.jwt_secret and settings.jwt_algorithm != "HS256":
        raise SettingsError("STREAMAPP_JWT_SECRET is for HS256; with RS256 set STREAMAPP_JWT_KEYS in its place")
    if settings.jwt_keys and settings.jwt_algorithm != "RS256":
        raise SettingsError("STREAMAPP_JWT_KEYS is for RS256: set STREAMAPP_JWT_ALGORITHM=RS256")
    tls(settings)
    if bad := [origin for origin in origins(settings) if not _ORIGIN.fullmatch(origin)]:
        raise SettingsError(f"STREAMAPP_CORS_ORIGINS: {bad[0]!r} is no origin such as https://example.org; `*` is none")
    if not is_loopback(settings.web_host) and not guarded(settings):
        raise SettingsError(
            f"STREAMAPP_WEB_HOST={settings.web_host} would let everybody in who reaches this machine: set "
            "STREAMAPP_AUTH=true and make a key with `streamapp token create`, or set STREAMAPP_JWT_SECRET"
        )
