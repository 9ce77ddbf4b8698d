"""Applies the numbered files `sql/NNN_<name>.sql`, each once, whichever worker comes first."""

import hashlib
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from streamapp.errors import SchemaMismatch
from streamapp.storage import queries

log = logging.getLogger(__name__)

#: Key of the advisory lock, the same in every version of the project: the ASCII of `streamap`.
LOCK = 0x73747265616D6170
#: How long one statement may take, waiting for another worker's migration included.
TIMEOUT_S = 120.0

_FILE = re.compile(r"(\d{3})_(\w+)\.sql")
_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)"""


@dataclass(frozen=True)
class Migration:
    """One step of the schema."""

    version: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """What the file contained, as a checksum."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def available() -> list[Migration]:
    """The migrations that belong to this version of the project, oldest first."""
    found = [_FILE.fullmatch(file.name) for file in (files("streamapp.storage") / "sql").iterdir()]
    steps = [Migration(int(match[1]), match[2], queries.read(match[0])) for match in found if match]
    return sorted(steps, key=lambda step: step.version)


async def apply(connection: Any, steps: list[Migration]) -> list[Migration]:
    """Bring the database up to date in one transaction, under a lock that makes other workers wait.

    Returns:
        The steps that were applied now.

    Raises:
        SchemaMismatch: the file of a step that was applied before has been changed since.
    """
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK, timeout=TIMEOUT_S)
        await connection.execute(_TABLE)
        rows = await connection.fetch("SELECT version, name, sha256 FROM schema_migrations")
        missing = check({row["version"]: row["sha256"] for row in rows}, steps)
        for step in missing:
            await connection.execute(step.sql, timeout=TIMEOUT_S)
            await connection.execute(
                "INSERT INTO schema_migrations (version, name, sha256) VALUES ($1, $2, $3)",
                *(step.version, step.name, step.sha256),
            )
            log.info("Migration %03d_%s applied", step.version, step.name)
        return missing


def check(applied: Mapping[int, str], steps: list[Migration]) -> list[Migration]:
    """The steps that are still to apply, given the checksum of each version that was applied.

    Raises:
        SchemaMismatch: an applied step's file has been changed since.
    """
    for step in steps:
        if applied.get(step.version, step.sha256) != step.sha256:
            raise SchemaMismatch(
                f"the migration {step.version:03d}_{step.name}.sql has been changed after it was applied to this "
                "database: restore the file and put the change into a new, higher-numbered file, or start with an "
                "empty database"
            )
    newer = sorted(applied.keys() - {step.version for step in steps})
    if newer:
        log.warning("The database has migrations that this version does not know: %s", newer)
    return [step for step in steps if step.version not in applied]
