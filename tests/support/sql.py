"""SQL without a driver: PostgreSQL's own psql."""

import subprocess
import time

from streamapp.devstack.postgres import wheel_programs


def sql(url: str, query: str) -> str:
    """The answer as text, columns by `|`; fails with psql's words."""
    run = subprocess.run(
        [wheel_programs() / "psql", "-X", "-w", "-A", "-t", "-c", query, url],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def until_sql(url: str, query: str, wait_s: float = 15) -> None:
    """Try a query until it works."""
    deadline = time.monotonic() + wait_s
    while True:
        try:
            sql(url, query)
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
