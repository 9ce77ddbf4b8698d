"""SQL lives in `sql/*.sql`: numbered migrations, and files of queries that are loaded here by name."""

import re
from importlib.resources import files

_NAME = re.compile(r"^-- name: *(\w+) *$", re.MULTILINE)


def read(filename: str) -> str:
    """The text of one file in `sql/`."""
    return (files("streamapp.storage") / "sql" / filename).read_text(encoding="utf-8")


def parse(text: str) -> dict[str, str]:
    """Split a file at its lines `-- name: <query>`.

    Raises:
        ValueError: a name occurs twice, or a name has no query.
    """
    _, *parts = _NAME.split(text)
    queries: dict[str, str] = {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        if name in queries or not body.strip():
            raise ValueError(f"the query {name} occurs twice or is empty")
        queries[name] = body.strip()
    return queries


WRITE = parse(read("write.sql"))
READ = parse(read("read.sql"))
LEDGER = parse(read("ledger.sql"))
LETTERS = parse(read("letters.sql"))
LABELS = parse(read("labels.sql"))
HISTORY = parse(read("history.sql"))
RUNS = parse(read("runs.sql"))
SYSTEM = parse(read("system.sql"))
ALERTS = parse(read("alerts.sql"))
KEYS = parse(read("keys.sql"))
