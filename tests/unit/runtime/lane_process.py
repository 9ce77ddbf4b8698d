"""A process that takes turns in a lane when it is told to: `go` enters, `out` leaves; `race N HOLD_S` takes N turns."""

import sys
import time
from pathlib import Path

from streamapp.runtime.lane import Lane


def main(path: str, wait_s: str) -> None:
    lane = Lane(Path(path), float(wait_s))
    print("ready", flush=True)
    for line in sys.stdin:
        match line.split():
            case ["go"]:
                with lane.turn() as turn:
                    print("in", turn.state, turn.waited_ms, time.monotonic(), flush=True)
                    sys.stdin.readline()
                print("out", flush=True)
            case ["race", turns, hold_s]:
                for _ in range(int(turns)):
                    with lane.turn() as turn:
                        start = time.monotonic()
                        time.sleep(float(hold_s))
                        end = time.monotonic()
                    print(turn.state, start, end)
                print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
