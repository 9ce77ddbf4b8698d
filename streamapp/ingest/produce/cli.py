"""The commands `streamapp produce webcam | cifar10 | folder | unsplash | demo`."""

import asyncio
import os
import threading
from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from streamapp.errors import SourceError
from streamapp.ingest.produce import cifar10 as cifar10_source
from streamapp.ingest.produce import demo as demo_source
from streamapp.ingest.produce import folder as folder_source
from streamapp.ingest.produce import unsplash as unsplash_source
from streamapp.ingest.produce import webcam as webcam_source
from streamapp.ingest.produce.budget import HourlyBudget
from streamapp.ingest.produce.client import Picture
from streamapp.ingest.produce.report import Report
from streamapp.ingest.produce.stream import IN_FLIGHT, LIVE_IN_FLIGHT, newest, send_all, threaded
from streamapp.ingest.target import api_url
from streamapp.settings import Settings

app = typer.Typer(help="Send images: from a camera, CIFAR-10, a folder, Unsplash.", no_args_is_help=True)

ApiUrl = Annotated[str, typer.Option(help="Where the API is; the running `streamapp up` if it is left out.")]
Rate = Annotated[float, typer.Option(help="Images per second; 0 sends as fast as the API takes them.", min=0)]
Data = Annotated[Path | None, typer.Option(help="Zip or folder laid out as <split>/<class>/<file>.")]


@app.command()
def webcam(
    camera: Annotated[int, typer.Option(help="Number of the camera.", min=0)] = 0,
    video: Annotated[Path | None, typer.Option(help="A video file in place of a camera.")] = None,
    rtsp: Annotated[str, typer.Option(help="An RTSP URL in place of a camera.")] = "",
    every: Annotated[float, typer.Option(help="Seconds between two frames.", min=0.01)] = 0.5,
    camera_id: Annotated[str, typer.Option(help="Name of the camera in the results.")] = "",
    api_url: ApiUrl = "",
) -> None:
    """One frame every half second of a camera, a video file or an RTSP stream."""
    if video is not None and rtsp:
        raise SourceError("give either --video or --rtsp")
    if video is not None:
        frames = webcam_source.video(video, every, camera_id or video.name)
        _run(threaded(frames), Report(video.name), rate=1 / every, url=api_url)
        return
    report = Report("RTSP" if rtsp else f"camera {camera}")
    connect = partial(webcam_source.open_rtsp, rtsp) if rtsp else partial(webcam_source.open_camera, camera)
    stop = threading.Event()
    frames = webcam_source.live(connect, every, stop, report.say, camera_id or ("rtsp" if rtsp else f"camera-{camera}"))
    _run(newest(frames, stop), report, rate=0, url=api_url, in_flight=LIVE_IN_FLIGHT)


@app.command()
def cifar10(
    data: Data = None,
    split: Annotated[str, typer.Option(help="train or test; both if it is left out.")] = "",
    rate: Rate = 5,
    limit: Annotated[int, typer.Option(help="Stop after so many pictures; 0: all.", min=0)] = 0,
    shuffle: Annotated[bool, typer.Option(help="Mix the pictures.")] = True,
    seed: Annotated[int, typer.Option(help="Start of the mixing; the same seed, the same order.")] = 0,
    api_url: ApiUrl = "",
) -> None:
    """CIFAR-10 with its labels, from a zip or folder, or by the loader of Keras and its cache."""
    place = data or _configured_data()
    data_set = cifar10_source.from_files(place, split) if place else cifar10_source.from_keras(split)
    size = min(limit or data_set.size, data_set.size)
    pictures = data_set.pictures(limit, seed if shuffle else None)
    _run(threaded(pictures), Report("CIFAR-10", size), rate=rate, url=api_url)


@app.command()
def folder(
    path: Annotated[Path, typer.Argument(help="Folder with .jpg, .png and .webp files, however deep.")],
    rate: Rate = 0,
    api_url: ApiUrl = "",
) -> None:
    """Every image file below a folder, once."""
    files = folder_source.image_files(path)
    _run(threaded(folder_source.pictures(files)), Report(path.name, len(files)), rate=rate, url=api_url)


@app.command()
def unsplash(
    query: Annotated[str, typer.Option(help="What the photographs show; anything if it is left out.")] = "",
    rate: Rate = 0.5,
    api_url: ApiUrl = "",
) -> None:
    """Random photographs of Unsplash; needs UNSPLASH_ACCESS_KEY, makes at most 50 requests an hour."""
    report = Report("Unsplash")
    budget = HourlyBudget(Settings.load().data_dir / "unsplash.json", unsplash_source.REQUESTS_PER_HOUR)
    key = os.environ.get(unsplash_source.KEY_VARIABLE, "")
    api = os.environ.get(unsplash_source.API_VARIABLE, unsplash_source.API)
    client = unsplash_source.Unsplash(key, budget, report.say, query=query, api=api)
    _run(client.pictures(), report, rate=rate, url=api_url)


@app.command()
def demo(
    stream: Annotated[str, typer.Option(help="auto, cifar10 or photos.")] = "auto",
    data: Data = None,
    rate: Rate = 2,
    api_url: ApiUrl = "",
) -> None:
    """A stream without end: CIFAR-10 where it can be had, else the photographs that scikit-image ships."""
    report = Report("demo")
    _run(demo_source.Demo(stream, data or _configured_data(), report.say).pictures(), report, rate=rate, url=api_url)


def _configured_data() -> Path | None:
    """The data set that the setting `STREAMAPP_DATA` names."""
    data = Settings.load().data
    return Path(data).expanduser() if data else None


def _run(
    pictures: AsyncGenerator[Picture], report: Report, *, rate: float, url: str, in_flight: int = IN_FLIGHT
) -> None:
    asyncio.run(send_all(pictures, api_url=api_url(url), report=report, rate=rate, in_flight=in_flight))
