"""The commands `produce` and `predict`: options, where the API is, what is printed, exit codes."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import typer
from aiohttp import web
from typer.testing import CliRunner, Result

from streamapp.errors import ApiError, SettingsError, SourceError, StreamappError
from streamapp.ingest.answer import verdict_line
from streamapp.ingest.predict import predict
from streamapp.ingest.produce import cli as cli_module
from streamapp.ingest.produce import client, demo
from streamapp.ingest.produce.cli import app as produce
from streamapp.ingest.produce.stream import IN_FLIGHT, LIVE_IN_FLIGHT
from streamapp.ingest.target import api_url
from streamapp.records import ImageMessage
from streamapp.web import setup
from streamapp.web.context import ApiContext
from tests.unit.ingest.pictures import jpeg, png
from tests.unit.web.doubles import make_context
from tests.unit.web.messages import verdict

cli = typer.Typer()
cli.add_typer(produce, name="produce")
cli.command()(predict)


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Wide and without colours, in a folder of its own, with no settings from outside."""
    monkeypatch.chdir(tmp_path)
    for name in ("STREAMAPP_API_URL", "STREAMAPP_DATA", "STREAMAPP_DATA_DIR", "UNSPLASH_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")


@contextmanager
def api(context: ApiContext) -> Iterator[str]:
    """The API in a thread with a loop of its own: the commands run their own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> web.AppRunner:
        app = web.Application()
        setup(app, context)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner

    runner = asyncio.run_coroutine_threadsafe(start(), loop).result(5)
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def error(result: Result) -> StreamappError:
    assert isinstance(result.exception, StreamappError), result.output
    return result.exception


# -- where the API is ------------------------------------------------------------------------------


def test_the_address_of_the_api_comes_from_the_nearest_source(tmp_path: Path) -> None:
    environ = {"STREAMAPP_DATA_DIR": str(tmp_path)}
    assert api_url("", environ) == "http://127.0.0.1:8001"
    (tmp_path / "run.json").write_text(json.dumps({"api_url": "http://127.0.0.1:9/"}))
    assert api_url("", environ) == "http://127.0.0.1:9"
    environ["STREAMAPP_API_URL"] = "http://elsewhere:1"
    assert api_url("", environ) == "http://elsewhere:1"
    assert api_url("http://here/", environ) == "http://here"


@pytest.mark.parametrize(
    "given", ["localhost:8001", "127.0.0.1:8001", "ftp://here", "http://", "http://a:b", "http://[::1"]
)
def test_an_address_that_is_none_is_named_by_where_it_was_given(given: str) -> None:
    with pytest.raises(ApiError, match=r"^--api-url must be http\(s\)://host:port, not "):
        api_url(given, {})
    with pytest.raises(ApiError, match=r"^STREAMAPP_API_URL must be http\(s\)://host:port, not "):
        api_url("", {"STREAMAPP_API_URL": given})


def test_an_address_may_be_ipv6_and_have_a_path() -> None:
    assert api_url("https://[::1]:8001/cats/", {}) == "https://[::1]:8001/cats"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"api_url": null}', "{}"])
def test_a_run_file_without_an_address_counts_for_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(text)
    assert api_url("", {"STREAMAPP_DATA_DIR": str(tmp_path)}) == "http://127.0.0.1:8001"


def test_a_wrong_setting_is_named() -> None:
    with pytest.raises(SettingsError, match="STREAMAPP_COLOUR"):
        api_url("", {"STREAMAPP_COLOUR": "red"})


# -- produce ---------------------------------------------------------------------------------------


def test_a_folder_is_sent_and_summed_up(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(jpeg())
    (folder / "b.png").write_bytes(png())
    (folder / "c.jpg").write_bytes(b"GIF89a")
    context = make_context()
    with api(context) as url:
        result = run("produce", "folder", folder, "--api-url", url)
    assert result.exit_code == 0, result.output
    assert "c.jpg was refused: the content is not a JPEG, PNG or WebP image" in result.output
    assert "photos: 2 images accepted, 1 refused, 0 tries repeated" in result.output
    assert {image.source for image in context.db.images.values()} == {"folder"}


def test_cifar10_of_a_folder_with_a_limit_and_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for label in ("cat", "dog", "ship"):
        (tmp_path / "test" / label).mkdir(parents=True)
        (tmp_path / "test" / label / "1.png").write_bytes(png())
    context = make_context()
    monkeypatch.setenv("STREAMAPP_DATA", str(tmp_path))
    with api(context) as url:
        result = run("produce", "cifar10", "--limit", 2, "--rate", 0, "--no-shuffle", "--api-url", url)
    assert result.exit_code == 0, result.output
    assert sorted((image.source, image.label) for image in context.db.images.values()) == [
        ("cifar10", "cat"),
        ("cifar10", "dog"),
    ]


def test_the_demo_says_which_stream_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    context = make_context()

    async def three(self: demo.Demo) -> Any:
        self._say("stream: photographs")
        for photo in demo.photographs()[:3]:
            yield photo

    monkeypatch.setattr(demo.Demo, "pictures", three)
    with api(context) as url:
        result = run("produce", "demo", "--stream", "photos", "--rate", 0, "--api-url", url)
    assert result.exit_code == 0, result.output
    assert "stream: photographs" in result.output
    assert len(context.db.images) == 3


@pytest.mark.parametrize(
    ("arguments", "in_flight"),
    [((), LIVE_IN_FLIGHT), (("--rtsp", "rtsp://door"), LIVE_IN_FLIGHT), (("--video", "door.avi"), IN_FLIGHT)],
)
def test_only_what_is_not_live_is_uploaded_several_at_once(
    arguments: tuple[str, ...], in_flight: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen: list[int] = []

    async def send_all(*_: Any, in_flight: int, **__: Any) -> None:
        chosen.append(in_flight)

    monkeypatch.setattr(cli_module, "send_all", send_all)
    assert run("produce", "webcam", *arguments).exit_code == 0
    assert chosen == [in_flight]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("webcam", "--camera", 99), "camera 99 cannot be opened"),
        (("webcam", "--video", "none.avi"), "none.avi is not a file"),
        (("webcam", "--video", "x.avi", "--rtsp", "rtsp://x"), "either --video or --rtsp"),
        (("folder", "none"), "none is not a folder"),
        (("cifar10", "--data", "none"), "neither a folder nor a zip"),
        (("unsplash",), "UNSPLASH_ACCESS_KEY"),
        (("cifar10", "--split", "tset"), "no split 'tset': choose one of train, test"),
        (("demo", "--stream", "cats"), "no stream 'cats'"),
    ],
)
def test_a_source_that_cannot_be_read_is_one_line(arguments: tuple[object, ...], words: str) -> None:
    raised = error(run("produce", *arguments))
    assert isinstance(raised, SourceError)
    assert words in str(raised) and "\n" not in str(raised)


def test_an_api_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(client, "FIRST_CONTACT_S", 0.1)
    (tmp_path / "a.jpg").write_bytes(jpeg())
    raised = error(run("produce", "folder", tmp_path, "--api-url", "http://127.0.0.1:1"))
    assert "http://127.0.0.1:1" in str(raised) and "streamapp up" in str(raised)


# -- predict ---------------------------------------------------------------------------------------


def answering(context: ApiContext, **fields: Any) -> ApiContext:
    """A platform whose models answer as soon as an image is published."""

    async def publish(image: ImageMessage, _: bytes | None) -> None:
        context.live.apply_verdict(verdict(image.image_id, ("mobilenet", "resnet50"), **fields))

    return ApiContext(**{**vars(context), "publish": publish})


def test_the_answers_are_shown_side_by_side(tmp_path: Path) -> None:
    (tmp_path / "cat.jpg").write_bytes(jpeg())
    with api(answering(make_context())) as url:
        result = run("predict", tmp_path / "cat.jpg", "--api-url", url)
    assert result.exit_code == 0, result.output
    for words in ("cat.jpg", "mobilenet", "resnet50", "75.0%", "4.0", "8.0", "verdict: cat (2 of 2 agree)"):
        assert words in result.output
    assert "untrained" not in result.output


def test_untrained_weights_are_said_in_words(tmp_path: Path) -> None:
    image = tmp_path / "cat.jpg"
    image.write_bytes(jpeg())
    one = verdict(UUID(int=0)).predictions[0].model_copy(update={"trained": False})
    with api(answering(make_context(), predictions=[one])) as url:
        assert "mobilenet (untrained)" in run("predict", image, "--api-url", url).output


def test_json_is_the_answer_of_the_api(tmp_path: Path) -> None:
    (tmp_path / "cat.jpg").write_bytes(jpeg())
    with api(answering(make_context())) as url:
        result = run("predict", tmp_path / "cat.jpg", tmp_path / "cat.jpg", "--json", "--api-url", url)
    first, second = map(json.loads, result.stdout.splitlines())
    assert first["image"]["image_id"] != second["image"]["image_id"]
    assert [one["model"] for one in first["predictions"]] == ["mobilenet", "resnet50"]
    assert first["verdict"]["consensus"] == "cat"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"dead": ["resnet50"], "answers": 1}, "no answer: sent to the dead letters"),
        ({"complete": False, "answers": 1}, "only 1 of 2 models answered"),
    ],
)
def test_an_incomplete_verdict_is_shown_and_is_a_failure(fields: dict[str, Any], words: str, tmp_path: Path) -> None:
    (tmp_path / "cat.jpg").write_bytes(jpeg())
    with api(answering(make_context(), **fields)) as url:
        result = run("predict", tmp_path / "cat.jpg", "--api-url", url)
    assert result.exit_code == 1
    assert words in result.output


def test_one_failure_does_not_hide_the_other_answers(tmp_path: Path) -> None:
    (tmp_path / "cat.jpg").write_bytes(jpeg())
    (tmp_path / "dog.gif").write_bytes(b"GIF89a")
    with api(answering(make_context())) as url:
        result = run("predict", tmp_path / "none.jpg", tmp_path / "dog.gif", tmp_path / "cat.jpg", "--api-url", url)
    assert result.exit_code == 1
    assert "none.jpg: cannot be read: No such file or directory" in result.output
    assert "dog.gif: the content is not a JPEG, PNG or WebP image" in result.output
    assert "verdict: cat" in result.output


def test_without_a_verdict_in_time_it_says_where_to_look(tmp_path: Path) -> None:
    (tmp_path / "cat.jpg").write_bytes(jpeg())
    with api(make_context()) as url:
        result = run("predict", tmp_path / "cat.jpg", "--timeout", 0.2, "--api-url", url)
    assert result.exit_code == 1
    assert "no verdict within 0.2 s" in result.output and f"{url}/api/v1/images/" in result.output


def test_a_verdict_is_said_in_one_sentence() -> None:
    whole = verdict(UUID(int=0), agreement=0.5, consensus=None, most_confident="resnet50").model_dump(mode="json")
    assert verdict_line(whole) == (
        "verdict: no consensus (1 of 2 agree), ensemble cat 75.0%, fastest mobilenet, most confident resnet50"
    )
    assert verdict_line({**whole, "answers": 0}) == "verdict: none of 2 models answered"
