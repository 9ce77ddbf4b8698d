"""`streamapp predict FILE…`: send files, wait for the verdicts, show the models' answers side by side."""

import asyncio
import json
import time
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import typer
from rich.console import Console

from streamapp.errors import ApiError, SourceError, StreamappError
from streamapp.ingest.answer import table, verdict_line
from streamapp.ingest.produce.client import Picture, Uploader, reason
from streamapp.ingest.target import api_url as resolved

TIMEOUT_S = 10.0
#: Pauses between two looks at an image's state, in seconds; the first verdicts take some 30 ms.
FIRST_POLL_S, LONGEST_POLL_S = 0.02, 0.25


def predict(
    files: Annotated[list[Path], typer.Argument(help="Images: JPEG, PNG or WebP.")],
    api_url: Annotated[str, typer.Option(help="Where the API is; the running `streamapp up` if left out.")] = "",
    timeout: Annotated[float, typer.Option(help="Seconds to wait for a verdict.", min=0.1)] = TIMEOUT_S,
    as_json: Annotated[bool, typer.Option("--json", help="Print the API's answers as JSON, one line each.")] = False,
) -> None:
    """Send images and show what every model says; exits with 1 if any of them has no complete verdict."""
    console, errors = Console(), Console(stderr=True)
    failed = 0
    for file, result in zip(files, asyncio.run(_predict_all(files, resolved(api_url), timeout)), strict=True):
        if isinstance(result, StreamappError):
            errors.print(f"{file}: {result}", style="red", markup=False, highlight=False, soft_wrap=True)
        elif as_json:
            typer.echo(json.dumps(result))
        else:
            console.print(table(file.name, result))
            console.print(verdict_line(result["verdict"]), markup=False, highlight=False, soft_wrap=True)
        failed += isinstance(result, StreamappError) or not whole(result["verdict"])
    if failed:
        raise typer.Exit(1)


def whole(verdict: dict[str, Any]) -> bool:
    """Whether every model has answered."""
    return bool(verdict["complete"]) and not verdict["dead"]


async def _predict_all(files: list[Path], url: str, timeout_s: float) -> list[dict[str, Any] | StreamappError]:
    """One after the other, so that no image waits for another one and the times are its own."""
    async with Uploader(url) as uploader:
        return [await _predict(file, uploader, timeout_s) for file in files]


async def _predict(file: Path, uploader: Uploader, timeout_s: float) -> dict[str, Any] | StreamappError:
    """The API's answer for one file once it has a verdict, or why there is none."""
    try:
        image_id = await uploader.send(Picture(await asyncio.to_thread(_read, file), file.name))
        return await _verdict(image_id, uploader, timeout_s)
    except StreamappError as error:
        return error
    except (aiohttp.ClientError, TimeoutError) as error:
        return ApiError(f"the API at {uploader.api_url} does not answer: {error or 'timeout'}")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}") from error


async def _verdict(image_id: str, uploader: Uploader, timeout_s: float) -> dict[str, Any]:
    """Ask for the image until it has a verdict.

    Raises:
        ApiError: there is none in time, or the API refuses.
    """
    url, deadline, pause = f"{uploader.api_url}/api/v1/images/{image_id}", time.monotonic() + timeout_s, FIRST_POLL_S
    while True:
        async with uploader.session.get(url) as answer:
            if answer.status == 200:
                found: dict[str, Any] = await answer.json()
                if found["verdict"] is not None:
                    return found
            elif answer.status != 503:
                raise ApiError(await reason(answer))
        if time.monotonic() > deadline:
            raise ApiError(f"no verdict within {timeout_s:g} s; it may still come, see {url}")
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, LONGEST_POLL_S)
