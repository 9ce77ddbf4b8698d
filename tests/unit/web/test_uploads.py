"""Uploads: many files, fields before or after them, counted as they come, and every refusal in its own words."""

import asyncio
import dataclasses
from io import BytesIO
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient

from streamapp.errors import PublishFailed, StoreUnavailable
from streamapp.ingest.check import MAX_BYTES
from streamapp.web import forms, uploads
from streamapp.web.context import ApiContext
from tests.unit.ingest import pictures
from tests.unit.web.doubles import make_context, running_api, until

JPEG = pictures.jpeg()
URL = "/api/v1/images"


def form(*files: bytes | tuple[str, bytes], **fields: str) -> aiohttp.FormData:
    data = aiohttp.FormData(quote_fields=False)
    for name, value in fields.items():
        data.add_field(name, value)
    for number, file in enumerate(files):
        name, content = file if isinstance(file, tuple) else (f"{number}.jpg", file)
        data.add_field("file", BytesIO(content), filename=name, content_type="image/jpeg")
    return data


async def problem(answer: aiohttp.ClientResponse) -> tuple[int, str]:
    """Status and type of a problem, once it is seen to be one."""
    document = await answer.json()
    assert answer.content_type == "application/problem+json"
    assert document["status"] == answer.status
    assert document["title"] and document["detail"]
    return answer.status, document["type"].removeprefix("urn:streamapp:problem:")


async def upload(client: TestClient, data: Any, **options: Any) -> aiohttp.ClientResponse:
    return await client.post(URL, data=data, **options)


def sample(context: ApiContext, name: str, **labels: str) -> float | None:
    return context.metrics.registry.get_sample_value(name, labels)


async def test_an_upload_is_accepted_and_says_where_to_look() -> None:
    context = make_context()
    async with running_api(context) as client:
        answer = await upload(client, form(("../../etc/cat.jpg", JPEG), label="cat", source="webcam", camera_id="door"))
        assert answer.status == 202
        body = await answer.json()
        (image,) = body["images"]
        assert body["rejected"] == []
        assert image["filename"] == "cat.jpg"
        found = await (await client.get(image["url"])).json()
    assert found["image"]["image_id"] == image["image_id"]
    assert [found["image"][name] for name in ("label", "source", "camera_id")] == ["cat", "webcam", "door"]
    ((message, _),) = context.publish.__self__.published
    assert str(message.image_id) == image["image_id"]
    assert sample(context, "streamapp_images_accepted_total", source="webcam") == 1


async def test_fields_after_the_files_count_too() -> None:
    context = make_context()
    data = form(JPEG)
    data.add_field("label", "dog")
    async with running_api(context) as client:
        assert (await upload(client, data)).status == 202
    assert [image.label for image in context.db.images.values()] == ["dog"]


async def test_an_accepted_image_is_marked_as_published() -> None:
    context = make_context()
    async with running_api(context) as client:
        await upload(client, form(JPEG))
        await until(lambda: {image.state for image in context.db.images.values()} == {"published"})


async def test_marks_of_the_last_moments_are_written_at_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    context = make_context()
    async with running_api(context) as client:
        await upload(client, form(JPEG))
    assert {image.state for image in context.db.images.values()} == {"published"}


async def test_of_many_files_the_good_ones_are_accepted() -> None:
    context = make_context()
    files = (
        JPEG,
        ("a.gif", b"GIF89a"),
        ("b.png", pictures.png()),
        ("big.jpg", JPEG + b"\0" * MAX_BYTES),
        ("e.jpg", b""),
    )
    async with running_api(context) as client:
        answer = await upload(client, form(*files))
        assert answer.status == 202
        body = await answer.json()
    assert [image["filename"] for image in body["images"]] == ["0.jpg", "b.png"]
    assert [(one["filename"], one["status"]) for one in body["rejected"]] == [
        ("a.gif", 415),
        ("big.jpg", 413),
        ("e.jpg", 400),
    ]
    assert all(one["title"] and one["detail"] for one in body["rejected"])
    for reason in ("unsupported-format", "too-large", "empty"):
        assert sample(context, "streamapp_images_rejected_total", reason=reason) == 1


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", (400, "empty")),
        (b"GIF89a<script>", (415, "unsupported-format")),
        (JPEG + b"\0" * MAX_BYTES, (413, "too-large")),
        (pictures.crafted_png(20_000, 20_000), (422, "too-many-pixels")),
        (JPEG[:200], (422, "undecodable")),
    ],
)
async def test_a_single_refused_file_is_a_problem(data: bytes, expected: tuple[int, str]) -> None:
    async with running_api(make_context()) as client:
        assert await problem(await upload(client, form(data))) == expected


async def test_when_all_files_are_refused_each_is_named() -> None:
    async with running_api(make_context()) as client:
        answer = await upload(client, form(b"GIF89a", b""))
        assert (await problem(answer))[0] == 415
        assert [one["status"] for one in (await answer.json())["rejected"]] == [415, 400]


async def test_a_large_image_is_taken_whole() -> None:
    context, data = make_context(), JPEG + b"\0" * (MAX_BYTES - len(JPEG))
    async with running_api(context) as client:
        assert (await upload(client, form(data))).status == 202
    (row,) = context.db.images.values()
    assert await context.objects.get(row.minio_path) == data


async def test_a_body_of_unknown_length_is_counted_as_it_comes() -> None:
    async def chunked() -> Any:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.jpg"\r\n\r\n'
        for _ in range(11):
            yield b"\xff" * (1024 * 1024)
        yield b"\r\n--b--\r\n"

    async with running_api(make_context()) as client:
        answer = await upload(client, chunked(), headers={"Content-Type": "multipart/form-data; boundary=b"})
        assert await problem(answer) == (413, "too-large")


@pytest.mark.parametrize(
    ("store", "error", "name"),
    [
        ("db", StoreUnavailable("PostgreSQL is away", "postgres"), "store-unavailable"),
        ("objects", StoreUnavailable("the object store is away", "objects"), "store-unavailable"),
        ("broker", PublishFailed("no acknowledgement"), "publish-failed"),
    ],
)
async def test_when_something_is_down_the_sender_may_try_again(store: str, error: Exception, name: str) -> None:
    context = make_context()
    broken: Any = context.publish.__self__ if store == "broker" else getattr(context, store)
    broken.fails = error
    async with running_api(context) as client:
        answer = await upload(client, form(JPEG))
        assert await problem(answer) == (503, name)
        assert int(answer.headers["Retry-After"]) >= 1
    assert sample(context, "streamapp_images_accepted_total", source="upload") == 0
    failures = {name: sample(context, "streamapp_store_failures_total", store=name) for name in ("postgres", "objects")}
    assert failures == {name: float(name == getattr(error, "store", "")) for name in failures}


async def test_many_files_do_not_wait_for_the_same_outage_one_after_the_other() -> None:
    context = make_context()

    async def no_answer(*_: Any) -> None:
        await asyncio.sleep(0.3)
        raise PublishFailed("the broker did not acknowledge a message within 0.3 s")

    context = dataclasses.replace(context, publish=no_answer)
    async with running_api(context) as client:
        began = asyncio.get_running_loop().time()
        answer = await upload(client, form(*[JPEG] * 40))
        took_s = asyncio.get_running_loop().time() - began
        assert (answer.status, len((await answer.json())["rejected"])) == (503, 40)
    assert took_s < 1.2
    assert len(context.db.images) <= 8, "the others were not even stored"


@pytest.mark.parametrize(
    "fields",
    [{"source": "satellite"}, {"label": "x" * 201}, {"camera_id": "x" * 2000}, {"label": "a\0b"}, {"label": "a\nb"}],
)
async def test_a_wrong_field_is_a_bad_request(fields: dict[str, str]) -> None:
    context = make_context()
    async with running_api(context) as client:
        assert await problem(await upload(client, form(JPEG, **fields))) == (400, "bad-request")
    assert not context.db.images
    assert sample(context, "streamapp_images_rejected_total", reason="bad-request") == 1


async def test_an_unknown_field_is_left_alone_and_an_empty_one_is_none() -> None:
    context = make_context()
    async with running_api(context) as client:
        assert (await upload(client, form(JPEG, colour="x" * 5000, label="  "))).status == 202
    assert [image.label for image in context.db.images.values()] == [None]


def raw(*parts: bytes, end: bytes = b"--b--\r\n") -> bytes:
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + end


FILE = b'Content-Disposition: form-data; name="file"; filename="%b"\r\n\r\n%b'


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("image/jpeg", JPEG, 415),
        ("application/json", b"{}", 415),
        ("application/x-www-form-urlencoded", b"file=x", 415),
        ("multipart/form-data", b"", 400),
        ("multipart/form-data; boundary=b", b"", 400),
        ("multipart/form-data; boundary=b", b"no boundary here", 400),
        ("multipart/form-data; boundary=b", raw(), 400),
        ("multipart/form-data; boundary=b", raw(b'Content-Disposition: form-data; name="label"\r\n\r\ncat'), 400),
        ("multipart/form-data; boundary=b", raw(b'Content-Disposition: form-data; name="label"\r\n\r\n\xff'), 400),
        ("multipart/form-data; boundary=b", raw(FILE % (b"x.jpg", JPEG), end=b""), 400),
        ("multipart/form-data; boundary=b", raw(FILE % (b"x.jpg", JPEG))[:-40], 400),
        ("multipart/form-data; boundary=b", raw(b"Content-Type: multipart/mixed; boundary=c\r\n\r\n--c--"), 400),
        ("multipart/form-data; boundary=b", raw(b"X: " + b"x" * 100_000 + b"\r\n\r\n"), 400),
        ("multipart/form-data; boundary=b", raw(*[b"X: y\r\n\r\nz"] * 1000), 400),
        ("multipart/form-data; boundary=b", raw(*[FILE % (b"x.jpg", b"x")] * 101), 413),
    ],
)
async def test_a_malformed_body_is_a_problem(content_type: str, body: bytes, status: int) -> None:
    async with running_api(make_context()) as client:
        answer = await upload(client, body, headers={"Content-Type": content_type})
        assert (await problem(answer))[0] == status


async def test_a_compressed_body_is_not_unpacked() -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b", "Content-Encoding": "gzip"}
    async with running_api(make_context()) as client:
        assert (await problem(await upload(client, b"\x1f\x8b", headers=headers)))[0] == 415


async def test_files_of_one_request_have_a_limit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "MAX_REQUEST_BYTES", 3 * len(JPEG))
    async with running_api(make_context()) as client:
        assert (await upload(client, form(JPEG, JPEG, JPEG))).status == 202
        assert (await problem(await upload(client, form(JPEG, JPEG, JPEG, JPEG))))[0] == 413


async def test_a_body_that_is_announced_too_large_is_not_read() -> None:
    async with running_api(make_context()) as client:
        headers = {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": str(10**9)}
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"POST {URL} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode())
        assert b" 413 " in await asyncio.wait_for(reader.readline(), 3)
        writer.close()
        await writer.wait_closed()


async def test_a_slow_sender_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "READ_DEADLINE_S", 0.05)

    async def slow() -> Any:
        yield b"--b\r\n"
        await asyncio.sleep(5)

    async with running_api(make_context()) as client:
        answer = await upload(client, slow(), headers={"Content-Type": "multipart/form-data; boundary=b"})
        assert (await problem(answer))[0] == 408


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("cat.jpg", "cat.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\photos\\cat.jpg", "cat.jpg"),
        ("a\0b\n.jpg", "ab.jpg"),
        ("x" * 5000, "x" * 255),
        ("/", ""),
    ],
)
def test_a_file_name_is_only_shown(sent: str, shown: str) -> None:
    assert uploads.shown_name(sent) == shown
