"""API keys in PostgreSQL."""

from collections.abc import Sequence

from pydantic import AwareDatetime

from streamapp.access.callers import Caller
from streamapp.access.keys import ApiKey
from streamapp.storage.postgres import Database
from streamapp.storage.queries import KEYS
from streamapp.storage.views import View


class KeyView(View):
    """What can be said about a key."""

    id: str
    name: str
    scopes: list[str]
    created_at: AwareDatetime
    expires_at: AwareDatetime | None
    revoked_at: AwareDatetime | None


class KeyStore:
    """The API keys of a database."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, key: ApiKey, name: str, scopes: Sequence[str], seconds: float | None) -> KeyView:
        """Store a key, good for so many seconds, or until it is revoked."""
        async with self._db.connection() as connection:
            row = await connection.fetchrow(KEYS["add"], key.id, name, key.digest, scopes, seconds)
        return KeyView.model_validate(dict(row))

    async def caller(self, key: ApiKey) -> Caller | None:
        """Whose key this is; None where it is nobody's, or not good any more."""
        async with self._db.connection() as connection:
            row = await connection.fetchrow(KEYS["find"], key.id)
        if row is None or not key.matches(row["digest"]):
            return None
        return Caller(f"key:{row['name']}:{key.id}", frozenset(row["scopes"]))

    async def every(self) -> list[KeyView]:
        """All keys, the oldest first."""
        async with self._db.connection() as connection:
            rows = await connection.fetch(KEYS["every"])
        return [KeyView.model_validate(dict(row)) for row in rows]

    async def revoke(self, key_id: str) -> bool:
        """Make a key worthless; false where there is none that is not so already."""
        async with self._db.connection() as connection:
            return await connection.fetchval(KEYS["revoke"], key_id) is not None
