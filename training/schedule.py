"""The one-cycle learning rate: up in the first part of training, then down to almost nothing."""

from math import cos, pi

#: Part of the training in which the rate rises.
RISE = 0.25
#: The rate starts at the peak divided by this, and ends at the start divided by the next.
START_DIVISOR = 25.0
END_DIVISOR = 1e4


def one_cycle(step: int, steps: int, peak: float) -> float:
    """The learning rate of `step` (0 to `steps` - 1), with cosine slopes, as Smith and Topin, 2018 (arXiv:1708.07120).

    Raises:
        ValueError: `step` is outside of the training.
    """
    if not 0 <= step < steps:
        raise ValueError(f"step {step} is not one of {steps}")
    start = peak / START_DIVISOR
    top = RISE * (steps - 1)
    if step < top:
        return _slope(start, peak, step / top)
    return _slope(peak, start / END_DIVISOR, (step - top) / max(steps - 1 - top, 1))


def _slope(first: float, last: float, progress: float) -> float:
    return last + (first - last) * (1 + cos(pi * progress)) / 2
