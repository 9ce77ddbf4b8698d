"""What every measurement prints and writes: a table for people, JSON with where and when it was taken."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from streamapp.errors import StreamappError
from streamapp.records import now

ROOT = Path(__file__).parents[1]
#: Where the JSON goes unless it is told otherwise; not part of the project.
RESULTS = Path(".streamapp/benchmarks")
#: Where progress is shown; results go to the standard output.
progress = Console(stderr=True)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under a title; the first column is text, the others are figures."""
    drawn = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        drawn.add_column(column, justify="right" if number else "left", no_wrap=not number)
    for row in rows:
        drawn.add_row(*[f"{cell:,.1f}" if isinstance(cell, float) else str(cell) for cell in row])
    Console().print(drawn)


def write(path: Path, name: str, options: Mapping[str, Any], result: Mapping[str, Any]) -> None:
    """Write one measurement as JSON."""
    whole = {"benchmark": name, "taken_at": now().isoformat(), "host": host(), "options": options, "result": result}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(whole, indent=1, default=_plain) + "\n")
    progress.print(f"written to {path}")


def command(program: Callable[[], Any]) -> None:
    """Run a command line; an expected error is one line and exit code 1."""
    try:
        program()
    except StreamappError as error:
        sys.exit(f"error: {error}")


def host() -> dict[str, object]:
    """What the figures depend on."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return {
        "commit": commit.stdout.strip() or "unknown",
        "cores": os.cpu_count(),
        "cpu": _cpu_model(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)
