"""How often the models of a race have answered differently in a window of time, by camera."""

from collections import defaultdict

from streamapp.records import Verdict

#: Verdicts are counted in steps of so many seconds, and leave the window with their step.
STEP_S = 5
#: Cameras that are told apart; those that come after them count as one without a name. Anybody can name a camera.
MOST_CAMERAS = 1000


class Disagreement:
    """Counts verdicts of races that every model has finished, where at least two have answered."""

    def __init__(self, window_s: float, now: float) -> None:
        self._window_s = window_s
        self._began = now
        self._steps: dict[int, dict[str, list[int]]] = defaultdict(dict)

    def add(self, verdict: Verdict, now: float) -> None:
        """Count a verdict that came at `now`, in seconds. One that is published again counts again; few are."""
        if not verdict.complete or verdict.answers < 2:
            return
        step = self._steps[int(now // STEP_S)]
        camera = verdict.camera_id or ""
        counts = step.setdefault(camera if camera in step or len(step) < MOST_CAMERAS else "", [0, 0])
        counts[0] += 1
        counts[1] += verdict.agreement < 1

    def whole(self, now: float) -> bool:
        """Whether all of the window was seen."""
        return now - self._began >= self._window_s

    def counts(self, now: float) -> dict[str, tuple[int, int]]:
        """Images, and those that were answered differently, by camera; without one under ''."""
        first = int((now - self._window_s) // STEP_S)
        for old in [step for step in self._steps if step <= first]:
            del self._steps[old]
        sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for step in self._steps.values():
            for camera, (images, differing) in step.items():
                sums[camera][0] += images
                sums[camera][1] += differing
        return {camera: (images, differing) for camera, (images, differing) in sums.items()}
