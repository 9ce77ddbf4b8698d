"""A camera, a video file or an RTSP stream, one frame every so often (OpenCV)."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from streamapp.errors import SourceError
from streamapp.ingest.produce.client import Picture

JPEG_QUALITY = 90
#: An RTSP server that says nothing for this long is gone, in milliseconds.
RTSP_TIMEOUT_MS = 5000
#: A camera that went away is tried again after this many seconds; the pause doubles up to the second figure.
RECONNECT_S = (1.0, 30.0)
#: Frames per second that a video without this figure is taken to have.
USUAL_FPS = 25.0


class Capture(Protocol):
    """The part of `cv2.VideoCapture` that is used here."""

    def isOpened(self) -> bool: ...  # noqa: D102  # OpenCV's names
    def grab(self) -> bool: ...  # noqa: D102
    def retrieve(self) -> tuple[bool, Any]: ...  # noqa: D102
    def get(self, prop: int, /) -> float: ...  # noqa: D102
    def release(self) -> None: ...  # noqa: D102


def open_camera(number: int) -> Capture:
    """The camera `/dev/video<number>`, or whatever the system counts as that.

    Raises:
        SourceError: there is no such camera, or another program has it.
    """
    return _opened(_cv2().VideoCapture(number), f"camera {number} cannot be opened: is it plugged in, and free?")


def open_rtsp(url: str) -> Capture:
    """A network camera.

    Raises:
        SourceError: it does not answer.
    """
    cv2 = _cv2()
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, RTSP_TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, RTSP_TIMEOUT_MS]
    return _opened(cv2.VideoCapture(url, cv2.CAP_FFMPEG, limits), "the RTSP stream does not answer; check its URL")


def open_video(path: Path) -> Capture:
    """A video file.

    Raises:
        SourceError: it is not there, or no video that OpenCV reads.
    """
    if not path.is_file():
        raise SourceError(f"{path} is not a file")
    return _opened(_cv2().VideoCapture(str(path)), f"{path} is not a video that OpenCV can read")


def live(
    connect: Callable[[], Capture],
    every_s: float,
    stop: threading.Event,
    say: Callable[[str], None],
    camera_id: str,
    reconnect_s: tuple[float, float] = RECONNECT_S,
) -> Iterator[Picture]:
    """A frame of a camera every `every_s` seconds until `stop` is set; a camera that goes away is waited for.

    Every frame is grabbed, also those that are left out: a camera's buffer would otherwise hand out old ones.

    Raises:
        SourceError: the camera cannot be opened the first time.
    """
    camera, delay, number, due = connect(), reconnect_s[0], 0, 0.0
    try:
        while not stop.is_set():
            if not camera.grab():
                camera.release()
                say(f"the camera stopped sending; trying again in {delay:g} s")
                stop.wait(delay)
                delay = min(delay * 2, reconnect_s[1])
                camera = _reconnected(connect, camera)
            elif (present := time.monotonic()) >= due:
                due = (due if present < due + every_s else present) + every_s
                delay, number = reconnect_s[0], number + 1
                yield from _picture(camera, number, camera_id)
    finally:
        camera.release()


def video(path: Path, every_s: float, camera_id: str) -> Iterator[Picture]:
    """A frame for every `every_s` seconds of a video file, from its beginning to its end.

    Raises:
        SourceError: it is no video.
    """
    capture = open_video(path)
    fps = capture.get(_cv2().CAP_PROP_FPS) or USUAL_FPS
    number, due = 0, 0.0
    try:
        while capture.grab():
            if number >= due:
                due += every_s * fps
                yield from _picture(capture, number, camera_id)
            number += 1
    finally:
        capture.release()


def _reconnected(connect: Callable[[], Capture], gone: Capture) -> Capture:
    """The camera again; the closed capture, whose grab fails, while it is still away."""
    try:
        return connect()
    except SourceError:
        return gone


def _picture(capture: Capture, number: int, camera_id: str) -> Iterator[Picture]:
    """The frame grabbed last as a JPEG; nothing where the camera grabbed a broken one."""
    cv2 = _cv2()
    whole, frame = capture.retrieve()
    if whole:
        _, encoded = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        yield Picture(encoded.tobytes(), f"frame-{number:06d}.jpg", "webcam", camera_id=camera_id)


def _opened(capture: Capture, otherwise: str) -> Capture:
    if not capture.isOpened():
        capture.release()
        raise SourceError(otherwise)
    return capture


def _cv2() -> Any:
    """OpenCV, imported late (0.2 s) and silent: what goes wrong we say ourselves."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    return cv2
