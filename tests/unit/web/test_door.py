"""Hostile and odd uploads over HTTP: each has its answer, and no name, type or header of a sender is believed."""

import asyncio
import dataclasses
import gzip
import threading
import time
from contextlib import suppress
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient
from PIL import Image, ImageFile

from streamapp.ingest import accept
from streamapp.ingest.check import CheckedImage, check_image
from streamapp.runtime.preprocess import decode
from streamapp.settings import Settings
from streamapp.stream import HANDLER_ARGS, StreamApp
from streamapp.web import forms, uploads
from tests.unit.ingest import pictures
from tests.unit.web.doubles import make_context, running_api, until
from tests.unit.web.test_images import thumbnail, uploaded
from tests.unit.web.test_uploads import FILE, JPEG, form, problem, raw, upload

MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}
COLOURS = {"r": (255, 0, 0), "g": (0, 255, 0), "b": (0, 0, 255), "w": (255, 255, 255)}


def corners() -> Image.Image:
    """Red, green above blue, white."""
    image = Image.new("RGB", (2, 2))
    image.putdata([COLOURS[name] for name in "rgbw"])
    return image.resize((64, 64), Image.Resampling.NEAREST)


def named(image: Image.Image) -> str:
    """The four corners of a picture, by their nearest colours."""
    small = image.convert("RGB").resize((8, 8), Image.Resampling.BOX)
    found = ""
    for place in ((1, 1), (6, 1), (1, 6), (6, 6)):
        pixel: Any = small.getpixel(place)
        found += min(COLOURS, key=lambda name: sum(abs(a - b) for a, b in zip(COLOURS[name], pixel, strict=True)))
    return found


async def seen(client: TestClient, data: bytes) -> tuple[str, str]:
    """What people see of an accepted picture, and what the models do."""
    shown = await thumbnail(client, await uploaded(client, data))
    return named(shown), named(Image.fromarray(decode(data, 64)))


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [(1, "rgbw"), (2, "grwb"), (3, "wbgr"), (4, "bwrg"), (5, "rbgw"), (6, "brwg"), (7, "wgbr"), (8, "gwrb")],
)
async def test_people_and_models_see_the_same_upright_picture(orientation: int, expected: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    async with running_api(make_context()) as client:
        for kind in ("JPEG", "PNG", "WEBP"):
            data = pictures.encoded(corners(), kind, quality=95, exif=exif)
            assert await seen(client, data) == (expected, expected), kind


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("RGB", "JPEG"), ("CMYK", "JPEG"), ("L", "JPEG"), ("P", "PNG"), ("RGBA", "PNG"), ("RGBA", "WEBP"), ("1", "PNG")],
)
async def test_every_kind_of_pixel_is_accepted_and_shown(mode: str, kind: str) -> None:
    image = corners().convert(mode)
    expected = named(image)
    async with running_api(make_context()) as client:
        assert await seen(client, pictures.encoded(image, kind)) == (expected, expected)


async def test_sixteen_bits_are_scaled_and_not_cut_off() -> None:
    grey = Image.new("I;16", (64, 64), 0x4000)
    async with running_api(make_context()) as client:
        data = pictures.encoded(grey, "PNG")
        shown: Any = (await thumbnail(client, await uploaded(client, data))).convert("L").getpixel((5, 5))
    assert abs(shown - 0x40) <= 4
    assert abs(int(decode(data, 8)[4, 4, 0]) - 0x40) <= 1


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_a_single_pixel_is_a_picture(kind: str) -> None:
    data = pictures.encoded(Image.new("RGB", (1, 1), COLOURS["r"]), kind)
    async with running_api(make_context()) as client:
        assert await seen(client, data) == ("rrrr", "rrrr")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', 415),
        (b"%PDF-1.7\n", 415),
        (b"<!doctype html><script>alert(1)</script>", 415),
        (b"GIF89a<script>alert(1)</script>", 415),
        (pictures.encoded(pictures.picture(), "GIF"), 415),
        (pictures.animated("WEBP"), 422),
        (pictures.animated("PNG"), 422),
        (pictures.crafted_png(0, 5), 422),
        (pictures.crafted_png(10_000, 10_000), 422),
        (pictures.png()[:-20] + b"\0" * 20, 422),
        (JPEG[: len(JPEG) // 2], 422),
    ],
)
async def test_a_name_and_a_type_open_no_door(data: bytes, status: int) -> None:
    context = make_context()
    async with running_api(context) as client:
        assert (await problem(await upload(client, form(("cat.jpg", data)))))[0] == status
    assert not context.db.images and not context.objects.buckets["raw-images"]


async def test_the_content_decides_and_not_a_lying_name_or_type() -> None:
    context = make_context()
    async with running_api(context) as client:
        answer = await upload(client, raw(FILE % (b'a.png"\r\nContent-Type: text/html; x="', JPEG)), headers=MULTIPART)
        assert answer.status == 202, await answer.text()
        image_id = (await answer.json())["images"][0]["image_id"]
        served = await client.get(f"/api/v1/images/{image_id}/original")
        assert served.content_type == "image/jpeg"
        assert served.headers["X-Content-Type-Options"] == "nosniff"
        assert served.headers["Content-Disposition"] == f'attachment; filename="{image_id}.jpg"'


@pytest.mark.parametrize("side", [20_000, 10_000])
async def test_a_bomb_is_refused_before_a_pixel_is_decoded(side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda *_: decoded.append(1))
    async with running_api(make_context()) as client:
        answer = await upload(client, form(pictures.crafted_png(side, side, b"\0" * 20_000_000)))
        assert await problem(answer) == (422, "too-many-pixels")
    assert not decoded


@pytest.mark.parametrize(
    "name", [b"../../etc/passwd", b"a\0b.jpg", b"x" * 5000, b"%2e%2e%2f", b"\xff\xfe", b"; rm -rf /", b"con"]
)
async def test_a_file_name_names_nothing(name: bytes) -> None:
    context = make_context()
    async with running_api(context) as client:
        answer = await upload(client, raw(FILE % (name, JPEG)), headers=MULTIPART)
        assert answer.status in (202, 400), await answer.text()
    for path in context.objects.content_types:
        (image,) = context.db.images.values()
        assert path == accept.object_path(image.image_id, image.timestamp, "jpg")


@pytest.mark.parametrize(
    "headers", [{"X-Long": "x" * 100_000}, {f"X-{number}": "x" for number in range(5_000)}], ids=["long", "many"]
)
async def test_giant_headers_are_a_bad_request(headers: dict[str, str]) -> None:
    context = make_context()
    async with running_api(context) as client:
        with suppress(aiohttp.ClientConnectionError):  # answered and closed before all of it was sent
            assert (await upload(client, form(JPEG), headers=headers)).status in (400, 413, 431)
    assert not context.db.images


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate", "br", "zstd", "GZIP", "identity, gzip"])
async def test_a_compressed_upload_is_refused(coding: str) -> None:
    bomb = gzip.compress(raw(FILE % (b"x.jpg", b"\0" * 5_000_000)))
    async with running_api(make_context()) as client:
        answer = await upload(client, bomb, headers={**MULTIPART, "Content-Encoding": coding})
        assert (await problem(answer))[0] == 415


async def test_no_body_is_ever_unpacked() -> None:
    assert StreamApp(Settings(), "api").conf.web_application_options["handler_args"] is HANDLER_ARGS
    async with running_api(make_context()) as client:
        packed = gzip.compress(b'{"dry_run": true}')
        headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        answer = await client.post("/api/v1/dead-letters/retry", data=packed, headers=headers)
        assert (await problem(answer))[0] == 415


async def test_a_sender_who_dribbles_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "READ_DEADLINE_S", 0.2)

    async def dribble() -> Any:
        for byte in raw(FILE % (b"x.jpg", JPEG * 100)):
            yield bytes([byte])
            await asyncio.sleep(0.01)

    async with running_api(make_context()) as client:
        answer = await upload(client, dribble(), headers=MULTIPART)
        assert await problem(answer) == (408, "request-timeout")


async def test_stores_and_broker_together_have_one_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accept, "ACCEPT_TIMEOUT_S", 0.05)
    given_up = asyncio.Event()

    async def never(*_: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()

    context = dataclasses.replace(make_context(), publish=never)
    async with running_api(context) as client:
        answer = await upload(client, form(JPEG))
        assert await problem(answer) == (503, "publish-failed")
        assert answer.headers["Retry-After"] == "2"
    assert given_up.is_set()
    assert [image.state for image in context.db.images.values()] == ["pending"], "the sweep will publish it"


async def test_images_are_decoded_by_few_threads_and_never_on_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    names, busy, most, lock = set[str](), 0, 0, threading.Lock()

    def check(data: bytes) -> CheckedImage:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
            names.add(threading.current_thread().name.rpartition("_")[0])
        time.sleep(0.01)
        with lock:
            busy -= 1
        return check_image(data)

    monkeypatch.setattr(accept, "check_image", check)
    async with running_api(make_context()) as client:
        answers = await asyncio.gather(*[upload(client, form(*[JPEG] * 5)) for _ in range(8)])
    assert {answer.status for answer in answers} == {202}
    assert names == {"check-image"}
    assert most == accept.CHECK_THREADS


async def test_uploads_have_so_much_memory_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "MOST_HELD_BYTES", 3 * len(JPEG))
    release = asyncio.Event()

    async def slow(*_: Any) -> None:
        await release.wait()

    context = dataclasses.replace(make_context(), publish=slow)
    async with running_api(context) as client:
        held = [asyncio.create_task(upload(client, form(JPEG))) for _ in range(3)]
        await until(lambda: len(context.db.images) == 3)
        answer = await upload(client, form(JPEG))
        assert await problem(answer) == (503, "service-unavailable")
        assert answer.headers["Retry-After"] == "2"
        release.set()
        assert {(await one).status for one in held} == {202}
        assert (await upload(client, form(JPEG, JPEG, JPEG))).status == 202
        assert (await upload(client, form(JPEG[:200]))).status == 422
        assert (await upload(client, form(JPEG, JPEG, JPEG))).status == 202


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_000_000,
        b'{"a":' * 150_000 + b"1" + b"}" * 150_000,
        b"\xff\xfe",
        b'{"model": "\\ud800"}',
        b"null",
        b"9" * 5000,
    ],
)
@pytest.mark.parametrize("path", ["dead-letters/retry", "dead-letters/discard"])
async def test_no_json_is_too_strange(path: str, body: bytes) -> None:
    async with running_api(make_context()) as client:
        answer = await client.post(f"/api/v1/{path}", data=body, headers={"Content-Type": "application/json"})
        assert 400 <= (await problem(answer))[0] < 500
