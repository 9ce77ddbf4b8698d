"""Make an int8 model of a converted one: NNCF's quantisation after training, calibrated with some pictures."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from streamapp.runtime.cache import IR, Entry
from streamapp.runtime.calibration import Calibration

BEAT_S = 5.0


def quantise(entry: Entry, pictures: Calibration, folder: Path, progress: Callable[[str], None]) -> tuple[int, float]:
    """Write the int8 model into `folder`; returns its parameters, and its operations for one image.

    Weights are symmetric per channel. The biases are corrected layer by layer for what rounding does to the mean of
    its output (Nagel et al., 2019, arXiv:1906.04721), which takes longer than NNCF's fast way and costs no accuracy.
    """
    import nncf
    import openvino

    nncf.set_log_level(logging.ERROR)
    model = openvino.Core().read_model(entry.ir)
    data = nncf.Dataset([picture[None] for picture in pictures.pixels])
    with heartbeat(progress), redirect_stdout(sys.stderr):  # its progress bars are not for a pipe
        model = nncf.quantize(
            model,
            data,
            preset=nncf.QuantizationPreset.PERFORMANCE,
            subset_size=len(pictures.pixels),
            fast_bias_correction=False,
        )
    openvino.save_model(model, folder / IR, compress_to_fp16=False)
    return entry.meta.parameters, entry.meta.flops


@contextmanager
def heartbeat(progress: Callable[[str], None]) -> Iterator[None]:
    """Say every few seconds that work goes on."""
    start, done = time.monotonic(), threading.Event()

    def beat() -> None:
        while not done.wait(BEAT_S):
            progress(f"calibrating, {time.monotonic() - start:.0f} s so far")

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
