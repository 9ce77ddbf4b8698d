"""A worker whose models misbehave when a file says so: the real program, with only the call of the model wrapped.

`python -m tests.support.mischief` is `streamapp worker`. The file that the variable `MISCHIEF` names is JSON, by model:
`{"cedar": {"delay_s": 0.2, "fail_calls": 10, "fail_images": 7, "hang_images": 50}}`. Every tenth call fails, or every
call on the images whose number (`number`) is a multiple of seven; a call that hangs never comes back.
"""

import itertools
import json
import logging
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from streamapp import logs
from streamapp.runtime.openvino import OpenVinoModel

Plan = dict[str, float]


def number(pixels: npt.NDArray[np.uint8]) -> int:
    """An image's number: the test and the model compute the same from the same decoded pixels."""
    return crc32(np.ascontiguousarray(pixels).tobytes())


def misbehave(plan: Plan, call: int, pixels: npt.NDArray[np.uint8]) -> None:
    """Do what the plan says for this call."""
    if delay_s := plan.get("delay_s"):
        time.sleep(delay_s)
    if _hits(plan, "fail_calls", call):
        raise RuntimeError(f"call {call} fails")
    if _hits(plan, "fail_images", number(pixels)):
        raise RuntimeError("this image fails")
    if _hits(plan, "hang_images", number(pixels)):
        threading.Event().wait()


def _hits(plan: Plan, name: str, count: int) -> bool:
    return bool(plan.get(name)) and count % int(plan[name]) == 0


def wrap(file: Path) -> None:
    """Make every model look into `file` before each call."""
    predict, calls = OpenVinoModel.predict, itertools.count(1)

    def mischievous(self: OpenVinoModel, batch: npt.NDArray[np.uint8]) -> Any:
        if hasattr(self, "_ready"):  # not while it warms up
            misbehave(json.loads(file.read_text()).get(self.info.model, {}), next(calls), batch[0])
        return predict(self, batch)

    load = OpenVinoModel.__init__

    def loading(self: OpenVinoModel, *arguments: Any) -> None:
        load(self, *arguments)
        self._ready = True  # type: ignore[attr-defined]

    OpenVinoModel.predict = mischievous  # type: ignore[method-assign]
    OpenVinoModel.__init__ = loading  # type: ignore[method-assign]


def log_more() -> None:
    """The time of each line, for a person who looks for a fault; who joins a group, for the tests that count it."""
    configuration = logs.configuration

    def more(level: str) -> dict[str, Any]:
        config = configuration(level)
        config["formatters"]["line"]["format"] = "%(asctime)s " + config["formatters"]["line"]["format"]
        return config

    logs.configuration = more
    logging.getLogger("aiokafka.consumer.group_coordinator").setLevel(logging.INFO)


if __name__ == "__main__":
    from streamapp.__main__ import main

    wrap(Path(os.environ["MISCHIEF"]))
    log_more()
    sys.argv = ["streamapp", "worker"]
    main()
