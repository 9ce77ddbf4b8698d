"""Signed tokens (JWT, RFC 7519): one algorithm, fixed by the settings, whatever a token's header says."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey, RSAKey
from joserfc.jwt import JWTClaimsRegistry

from streamapp.access.callers import SCOPES, Caller
from streamapp.errors import SettingsError, Unauthorized
from streamapp.settings import Settings

#: Clocks of two machines differ; more than this, and a token is too old or too new.
LEEWAY_S = 30
#: Shorter keys must not be used (RFC 7518, section 3.3).
RSA_BITS = 2048
#: A subject goes into the log and is written to labels.
SUBJECT_CHARACTERS = 150
A_NAME = f"printable text of 1 to {SUBJECT_CHARACTERS} characters"
FETCH_S = 10
MOST_BYTES = 1 << 20


class Tokens:
    """Checks tokens, and signs them where there is a secret to sign with."""

    def __init__(self, settings: Settings, keys: OctKey | KeySet) -> None:
        self._algorithm = settings.jwt_algorithm
        self._issuer, self._audience = settings.jwt_issuer, settings.jwt_audience
        self._keys = keys
        self._claims = JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    @classmethod
    def of(cls, settings: Settings) -> "Tokens | None":
        """What the settings say about tokens; None where they say nothing.

        Raises:
            SettingsError: the keys cannot be read.
        """
        if settings.jwt_secret:
            return cls(settings, _secret(settings.jwt_secret))
        return cls(settings, _key_set(settings.jwt_keys)) if settings.jwt_keys else None

    def caller(self, token: str) -> Caller:
        """Whose token this is.

        Raises:
            Unauthorized: it is none of ours, too old, or for somebody else; no reason is given that would help to
                make a better one.
        """
        try:
            claims = jwt.decode(token, self._keys, algorithms=[self._algorithm]).claims
            self._claims.validate(claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise Unauthorized("the token is not valid here: wrong, too old, or for somebody else") from error
        subject, scopes = claims["sub"], claims.get("scope")
        if not _is_name(subject):
            raise Unauthorized(f"the token's `sub` must be {A_NAME}")
        granted = scopes.split() if isinstance(scopes, str) else []
        return Caller(f"token:{subject}", frozenset(granted) & frozenset(SCOPES))

    def sign(self, name: str, scopes: Sequence[str], seconds: float) -> str:
        """A token for `name` with these scopes, good for so many seconds.

        Raises:
            SettingsError: there is no secret to sign with, or a token with this name would be refused.
        """
        if not isinstance(self._keys, OctKey):
            raise SettingsError("tokens are signed by whoever has the private key; here are only public ones")
        if not _is_name(name):
            raise SettingsError(f"a token's name must be {A_NAME}")
        now = int(time.time())
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": name,
            "scope": " ".join(scopes),
            "iat": now,
            "exp": now + int(seconds),
        }
        return jwt.encode({"alg": self._algorithm, "typ": "JWT"}, claims, self._keys)


def _is_name(subject: str) -> bool:
    return subject.isprintable() and 1 <= len(subject) <= SUBJECT_CHARACTERS


def _secret(text: str) -> OctKey:
    """The secret as a key.

    Raises:
        SettingsError: everybody may know it.
    """
    try:
        return OctKey.import_key(text)
    except ValueError:
        raise SettingsError("STREAMAPP_JWT_SECRET is a public key or a certificate, and no secret") from None


def _key_set(place: str) -> KeySet:
    """The public keys in a file or at an https URL.

    Raises:
        SettingsError: there are none.
    """
    try:
        found: Any = json.loads(_read(place))
        keys = KeySet.import_key_set(found)
    except (OSError, URLError, ValueError, TypeError, KeyError, JoseError) as error:
        raise SettingsError(f"STREAMAPP_JWT_KEYS={place} is no set of public keys (JWKS): {error}") from error
    if not keys.keys or not all(isinstance(key, RSAKey) and key.public_key.key_size >= RSA_BITS for key in keys.keys):
        raise SettingsError(f"STREAMAPP_JWT_KEYS={place} must hold RSA keys of {RSA_BITS} bits or more, and no others")
    return keys


def _read(place: str) -> bytes:
    if place.startswith("https://"):
        with urlopen(place, timeout=FETCH_S) as answer:
            read: bytes = answer.read(MOST_BYTES)
            return read
    if "://" in place:
        raise ValueError("only a file or an https URL can be trusted")
    return Path(place).read_bytes()
