"""Random passwords of the embedded servers, kept in `<data_dir>/secrets.json`, readable by their owner alone."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from streamapp.errors import DevStackError


@dataclass(frozen=True)
class Secrets:
    """What the embedded servers need to know of the last run.

    Attributes:
        database_password: of the PostgreSQL role `streamapp`.
        object_store_key: access key of the object store.
        object_store_secret: its secret.
        redis_password: of the cache.
        postgres_dir: where an older version noted PostgreSQL's files; `postgres.POINTER` names them now.
        fresh: PostgreSQL has not been told yet; kept until it has, since a start may end before that.
    """

    database_password: str
    object_store_key: str
    object_store_secret: str
    redis_password: str
    postgres_dir: str = ""
    fresh: bool = False

    @classmethod
    def load(cls, path: Path) -> "Secrets":
        """Read them, or make and save new ones.

        Raises:
            DevStackError: the file is there and cannot be used.
        """
        try:
            return cls(**json.loads(path.read_text()))
        except FileNotFoundError:
            made = cls(_random(), _random(), _random(), _random(), fresh=True)
            made.save(path)
            return made
        except (ValueError, TypeError):
            raise DevStackError(f"{path} is damaged; delete it, new passwords are made at the next start") from None

    def save(self, path: Path) -> None:
        """Write them for the owner alone."""
        write_private(path, json.dumps(asdict(self), indent=1), lasting=True)


def _random() -> str:
    return secrets.token_urlsafe(18)


def write_private(path: Path, text: str, lasting: bool = False) -> None:
    """Replace a file at once, with mode 600; a `lasting` one is whole after a power cut too, and takes longer."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        if lasting:
            file.flush()
            os.fsync(file.fileno())
    part.replace(path)
