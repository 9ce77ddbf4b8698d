"""API keys: `sk_<id>_<secret>`. The id finds the key; of the secret only a hash is stored."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

ID_BYTES, SECRET_BYTES = 6, 32
_KEY = re.compile(r"sk_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True)
class ApiKey:
    """A key in two parts. The whole of it is secret, so it never appears in a log by itself."""

    id: str
    secret: str

    def __str__(self) -> str:
        return f"sk_{self.id}_{self.secret}"

    def __repr__(self) -> str:
        return f"ApiKey(id={self.id!r})"

    @property
    def digest(self) -> bytes:
        """SHA-256 of the secret. It has 256 random bits: no salt and no slow hash would make it harder to guess."""
        return hashlib.sha256(self.secret.encode()).digest()

    def matches(self, digest: bytes) -> bool:
        """Whether this is the key with that digest, in a time that says nothing about how much of it is right."""
        return hmac.compare_digest(self.digest, digest)


def create() -> ApiKey:
    """A new random key."""
    return ApiKey(secrets.token_hex(ID_BYTES), secrets.token_urlsafe(SECRET_BYTES))


def parse(text: str) -> ApiKey | None:
    """The key in a text; None where it is none."""
    found = _KEY.fullmatch(text)
    return ApiKey(*found.groups()) if found else None
