"""Cameras and videos: one frame every so often, a camera that went away is waited for, a missing one is one line."""

import subprocess
import sys
import threading
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from streamapp.errors import SourceError
from streamapp.ingest.produce import webcam
from tests.unit.ingest.pictures import jpeg


class FakeCamera:
    """Gives `frames` frames, one every 5 ms, then fails. Frame n has the brightness n."""

    opened = 0

    def __init__(self, frames: int, broken: bool = False) -> None:
        self.left, self.grabbed, self.broken = frames, 0, broken
        FakeCamera.opened += 1

    def isOpened(self) -> bool:
        return True

    def grab(self) -> bool:
        time.sleep(0.005)
        self.left -= 1
        self.grabbed += 1
        return self.left >= 0

    def retrieve(self) -> tuple[bool, Any]:
        return not self.broken, np.full((8, 8, 3), self.grabbed, np.uint8)

    def get(self, _: int) -> float:
        return 0.0

    def release(self) -> None:
        self.left = 0


def brightness(data: bytes) -> int:
    return int(np.asarray(Image.open(BytesIO(data)).convert("L")).mean())


def test_every_frame_is_grabbed_and_one_in_a_while_is_taken() -> None:
    said: list[str] = []
    source = webcam.live(lambda: FakeCamera(1000), 0.05, threading.Event(), said.append, "door")
    frames = [next(source) for _ in range(3)]
    source.close()
    assert [frame.filename for frame in frames] == ["frame-000001.jpg", "frame-000002.jpg", "frame-000003.jpg"]
    assert {(frame.source, frame.camera_id) for frame in frames} == {("webcam", "door")}
    assert brightness(frames[1].data) - brightness(frames[0].data) >= 3
    assert said == []


def test_a_camera_that_goes_away_is_waited_for() -> None:
    cameras = iter([FakeCamera(2), SourceError("away"), FakeCamera(2)])
    said: list[str] = []

    def connect() -> webcam.Capture:
        camera = next(cameras)
        if isinstance(camera, SourceError):
            raise camera
        return camera

    source = webcam.live(connect, 0.001, threading.Event(), said.append, "door", reconnect_s=(0.01, 0.02))
    assert len([next(source) for _ in range(4)]) == 4
    source.close()
    assert said == [f"the camera stopped sending; trying again in {delay} s" for delay in ("0.01", "0.02")]


def test_a_live_source_ends_when_it_is_told_to() -> None:
    stop = threading.Event()
    source = webcam.live(lambda: FakeCamera(0), 1, stop, lambda _: stop.set(), "door", reconnect_s=(0.01, 0.01))
    assert list(source) == []


def test_broken_frames_are_left_out() -> None:
    stop = threading.Event()
    camera = FakeCamera(5, broken=True)
    assert list(webcam.live(lambda: camera, 0.001, stop, lambda _: stop.set(), "", reconnect_s=(0.01, 0.01))) == []
    assert camera.grabbed == 6


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Three seconds at 10 frames a second, frame n with the brightness 8n."""
    path = tmp_path / "door.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    for number in range(30):
        writer.write(np.full((48, 64, 3), 8 * number, np.uint8))
    writer.release()
    return path


def test_a_video_gives_a_frame_for_every_half_second_of_its_own_time(video: Path) -> None:
    frames = list(webcam.video(video, 0.5, "door.avi"))
    assert [frame.filename for frame in frames] == [f"frame-{number:06d}.jpg" for number in range(0, 30, 5)]
    assert [round(brightness(frame.data) / 8) for frame in frames] == list(range(0, 30, 5))
    assert frames[0].data.startswith(b"\xff\xd8\xff")


def test_fractions_of_frames_do_not_add_up_to_a_drift(video: Path) -> None:
    assert len(list(webcam.video(video, 0.25, ""))) == 12


def test_a_missing_camera_is_one_clear_line(tmp_path: Path) -> None:
    text = tmp_path / "notes.avi"
    text.write_text("no video")
    for arguments, words in (
        (["--camera", "99"], "camera 99 cannot be opened"),
        (["--rtsp", "rtsp://127.0.0.1:1/x"], "RTSP stream does not answer"),
        (["--video", str(tmp_path / "none.avi")], "is not a file"),
        (["--video", str(text)], "is not a video"),
    ):
        # In a process of its own: OpenCV's libraries write past Python, and learn only once how much they may say.
        command = [sys.executable, "-m", "streamapp", "produce", "webcam", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (1, "")
        [line] = done.stderr.splitlines()
        assert words in line


def test_a_picture_file_is_a_video_of_one_frame(tmp_path: Path) -> None:
    path = tmp_path / "still.jpg"
    path.write_bytes(jpeg())
    assert len(list(webcam.video(path, 0.5, ""))) == 1
