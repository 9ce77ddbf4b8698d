"""The commands `ledger`, `dead-letters` and `replay`: what they ask for, what they print, exit codes."""

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from typer.testing import CliRunner, Result

from streamapp.__main__ import cli
from streamapp.commands.ledger import sentence
from streamapp.commands.replay import comparison_table
from streamapp.commands.target import platform_settings
from streamapp.commands.times import is_age, parse_time
from streamapp.errors import ApiError, SettingsError
from streamapp.records import now
from streamapp.replay.run import Replayed
from streamapp.replay.worker import Pace
from streamapp.storage.runs import Comparison, Run


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    for name in ("STREAMAPP_API_URL", "STREAMAPP_API_TOKEN", "STREAMAPP_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)


class Api:
    """Answers each path with what it was told, and remembers what was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Any]] = {}
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self.authorizations: list[str | None] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.json() if request.can_read_body else None
        self.asked.append((request.method, request.path, dict(request.query), body))
        self.authorizations.append(request.headers.get("Authorization"))
        answers = self.answers[request.path]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        status, answer = answer if isinstance(answer, tuple) else (200, answer)
        kind = "application/json" if status < 400 else "application/problem+json"
        return web.Response(status=status, text=json.dumps(answer), content_type=kind)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """An API in a thread with a loop of its own: the commands run their own."""
    fake, loop = Api(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/api/v1/{rest:.*}", fake.handle)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner

    runner = asyncio.run_coroutine_threadsafe(start(), loop).result(5)
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    monkeypatch.setenv("STREAMAPP_API_URL", fake.url)
    yield fake
    asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


# -- ledger ----------------------------------------------------------------------------------------


def account(model: str = "ash", adds_up: bool | None = True, **changes: Any) -> dict[str, Any]:
    live = {"predictions": 8, "errors": 1, "shed": 1, "agrees": True}
    plain = {"accepted": 10, "predicted": 8, "dead": 1, "shed": 1, "in_flight": 0, "strangers": 0, "missing": []}
    stream = {"committed": 12, "end": 12, "lag": 0}
    return {"model": model, "adds_up": adds_up, "live": live, "stream": stream, **plain, **changes}


def answer(adds_up: bool | None = True, *accounts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "at": "2026-11-22T12:00:00Z",
        "idle": adds_up is not None,
        "accepted": 1234,
        "pending": 0,
        "unrecorded": 0,
        "lost": [],
        "open_letters": 1,
        "unreadable": 0,
        "lags": {"streamapp-ash": 0},
        "replays": {},
    }
    return {**plain, "adds_up": adds_up, "models": list(accounts) or [account(adds_up=adds_up)], **changes}


LEDGER = "/api/v1/ledger"


def test_a_ledger_that_adds_up_is_exit_status_0(api: Api) -> None:
    api.answers[LEDGER] = [answer(replays={"audit": {"ash": {"predicted": 5, "dead": 1}}})]
    result = run("ledger")
    assert result.exit_code == 0
    assert "1,234 images accepted" in result.output
    assert "it adds up; 1 open dead letter\n" in result.output
    assert "replay audit: ash 1 dead, 5 predicted" in result.output
    assert api.asked == [("GET", LEDGER, {"missing": "20"}, None)]


def test_one_that_does_not_is_1_and_names_what_is_missing(api: Api) -> None:
    wrong = account(adds_up=False, in_flight=3, missing=["a-1", "b-2"], strangers=2)
    api.answers[LEDGER] = [answer(False, wrong, account("birch"), unrecorded=1, lost=["c-3"])]
    result = run("ledger", "--missing", 2)
    assert result.exit_code == 1
    assert "it does NOT add up" in result.output
    assert "ash has no outcome for 3 images: a-1, b-2 and 1 more" in result.output
    assert "ash has outcomes for 2 images that nobody has stored" in result.output
    assert "published and never recorded: 1 image: c-3" in result.output
    assert "birch has" not in result.output
    assert api.asked[0][2] == {"missing": "2"}


def test_while_something_moves_it_is_0_and_says_what(api: Api) -> None:
    api.answers[LEDGER] = [answer(None, lags={"streamapp-ash": 3, "streamapp-stats": 0}, pending=2)]
    result = run("ledger")
    assert result.exit_code == 0
    assert "not idle yet: ash lags 3, 2 images on the way to the broker" in result.output


def test_wait_asks_until_nothing_moves(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamapp.commands.ledger.POLL_S", 0.01)
    away = (503, {"detail": "PostgreSQL is away"})
    api.answers[LEDGER] = [answer(None), away, answer(None), answer(False, account(adds_up=False, in_flight=1))]
    assert run("ledger", "--wait", 5).exit_code == 1
    assert len(api.asked) == 4


def test_what_never_rests_is_1_after_the_wait(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamapp.commands.ledger.POLL_S", 0.01)
    api.answers[LEDGER] = [answer(None)]
    assert run("ledger", "--wait", 0.1).exit_code == 1


def test_an_api_that_is_away_is_said_in_one_line(api: Api) -> None:
    api.answers[LEDGER] = [(503, {"detail": "the broker is away"})]
    error = run("ledger").exception
    assert isinstance(error, ApiError)
    assert str(error) == "the broker is away"
    error = run("ledger", "--api-url", "http://127.0.0.1:1").exception
    assert isinstance(error, ApiError)
    assert "start the platform with `streamapp up`" in str(error)


def test_a_key_is_sent_without_the_end_of_the_line_that_it_was_read_from(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.answers[LEDGER] = [answer()]
    monkeypatch.setenv("STREAMAPP_API_TOKEN", " sk_key\r\n")
    assert run("ledger").exit_code == 0
    assert api.authorizations == ["Bearer sk_key"]


@pytest.mark.parametrize("key", ["sk_\rkey", "sk\nkey", "sk\x7fkey"])
def test_a_key_that_no_header_can_carry_names_its_variable(api: Api, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("STREAMAPP_API_TOKEN", key)
    error = run("ledger").exception
    assert isinstance(error, SettingsError)
    assert "STREAMAPP_API_TOKEN" in str(error)
    assert key not in str(error)
    assert api.asked == []


def test_json_is_the_answer_itself(api: Api) -> None:
    api.answers[LEDGER] = [answer(False, account(adds_up=False, in_flight=1))]
    result = run("ledger", "--json")
    assert result.exit_code == 1
    assert json.loads(result.output) == api.answers[LEDGER][0]


def test_the_sentence_counts_what_is_outside() -> None:
    assert sentence(answer(open_letters=0, unreadable=3)) == (
        "it adds up; no open dead letters, 3 messages outside the ledger that nobody could read"
    )
    assert sentence(answer(None)) == "not idle yet: images are coming in"


def test_live_figures_that_differ_are_shown(api: Api) -> None:
    live = {"predictions": 7, "errors": 1, "shed": 0, "agrees": False}
    api.answers[LEDGER] = [answer(True, account(live=live))]
    assert "7 predicted, 1 dead, 0 shed" in run("ledger").output


# -- dead letters ----------------------------------------------------------------------------------

LETTERS = "/api/v1/dead-letters"
LETTER = {
    "id": 17,
    "group": "streamapp-ash",
    "model": "ash",
    "timestamp": "2026-11-22T12:00:00.5Z",
    "stage": "inference",
    "reason": "model-failed",
    "tries": 2,
    "status": "open",
    "outcome": "dead",
    "image_id": "8e1a6c9a",
}


def test_letters_are_listed_by_what_is_asked(api: Api) -> None:
    api.answers[LETTERS] = [{"dead_letters": [LETTER], "next": 17}]
    result = run("dead-letters", "list", "--model", "ash", "--since", "2h", "--limit", 1)
    assert result.exit_code == 0
    assert "2026-11-22 12:00:00" in result.output
    assert "there are older ones" in result.output
    _, _, query, _ = api.asked[0]
    since = datetime.fromisoformat(query.pop("since"))
    assert timedelta(hours=2) <= now() - since < timedelta(hours=2, minutes=1)
    assert query == {"model": "ash", "status": "open", "limit": "1"}


def test_what_somebody_has_sent_is_shown_and_not_obeyed(api: Api) -> None:
    """A message on the topic of the dead letters can say anything, also to terminals and to what draws our tables."""
    nasty = {**LETTER, "reason": "[/oops]\x1b[2J", "text": "\x1b]0;title\x07[bold]é\n\tend", "value": "eA=="}
    api.answers |= {LETTERS: [{"dead_letters": [nasty], "next": None}], f"{LETTERS}/17": [nasty]}
    listed, shown = run("dead-letters", "list").output, run("dead-letters", "show", 17).output
    assert "[/oops]\N{REPLACEMENT CHARACTER}[2J" in listed
    assert "[bold]é\n" in shown
    assert "\x1b" not in listed + shown


def test_no_letters_is_said(api: Api) -> None:
    api.answers[LETTERS] = [{"dead_letters": [], "next": None}]
    assert "no dead letters" in run("dead-letters", "list").output


def test_one_letter_is_shown_with_its_original(api: Api) -> None:
    api.answers[f"{LETTERS}/17"] = [{**LETTER, "value": "e30=", "text": "{}"}]
    output = run("dead-letters", "show", 17).output
    assert "reason       model-failed" in output
    assert output.endswith("{}\n")
    assert json.loads(run("dead-letters", "show", 17, "--json").output)["value"] == "e30="


def test_one_letter_is_sent_again(api: Api) -> None:
    api.answers[f"{LETTERS}/17/retry"] = [(202, LETTER)]
    result = run("dead-letters", "retry", 17)
    assert (result.exit_code, result.output) == (0, "1 dead letter sent again\n")
    assert api.asked == [("POST", f"{LETTERS}/17/retry", {}, {"dry_run": False})]


def test_all_that_fit_are_sent_again_page_after_page(api: Api) -> None:
    pages = [
        {"settled": [1, 2], "refused": [], "next": 2, "through": 9},
        {
            "settled": [4],
            "refused": [{"id": 3, "detail": "dead letter 3 would fail again"}],
            "next": None,
            "through": 9,
        },
    ]
    api.answers[f"{LETTERS}/retry"] = list(pages)
    result = run("dead-letters", "retry", "--model", "ash", "--reason", "model-failed")
    assert result.exit_code == 1, "one of them could not be"
    assert "3 dead letters sent again\ndead letter 3 would fail again" in result.output
    bodies = [body for _, _, _, body in api.asked]
    which = {"model": "ash", "reason": "model-failed", "dry_run": False}
    assert bodies == [{**which, "after": 0}, {**which, "after": 2, "through": 9}]


def test_a_dry_run_says_would(api: Api) -> None:
    api.answers[f"{LETTERS}/discard"] = [{"settled": [1, 2], "refused": [], "next": None, "through": 2}]
    result = run("dead-letters", "discard", "--all", "--dry-run")
    assert (result.exit_code, result.output) == (0, "2 dead letters would be discarded\n")
    assert api.asked[0][3] == {"dry_run": True, "after": 0}


@pytest.mark.parametrize("arguments", [(), (17, "--all"), (17, "--model", "ash")])
def test_it_must_be_clear_which_letters_are_meant(arguments: tuple[object, ...]) -> None:
    error = run("dead-letters", "retry", *arguments).exception
    assert isinstance(error, SettingsError)
    assert "give either the number of one letter" in str(error)


# -- times, settings, replays ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-22", datetime(2026, 11, 22, tzinfo=UTC)),
        ("2026-11-22T12:30:00", datetime(2026, 11, 22, 12, 30, tzinfo=UTC)),
        ("2026-11-22T12:30:00+01:00", datetime(2026, 11, 22, 11, 30, tzinfo=UTC)),
    ],
)
def test_times_are_utc_where_no_zone_is_given(text: str, time: datetime) -> None:
    assert parse_time(text, "--from") == time
    assert not is_age(text)


@pytest.mark.parametrize(("text", "seconds"), [("now", 0), ("90s", 90), ("15m", 900), ("2h ago", 7200), ("1d", 86400)])
def test_ages_are_times_too(text: str, seconds: int) -> None:
    time = parse_time(text, "--from")
    age = (now() - time).total_seconds()
    assert seconds <= age < seconds + 5
    assert is_age(text)


@pytest.mark.parametrize("text", ["yesterday", "", "12", "2h30m", "99999999h", "800000d", "999999 d ago"])
def test_what_is_no_time_is_said_with_its_option(text: str) -> None:
    with pytest.raises(SettingsError, match="--from: "):
        parse_time(text, "--from")


def test_servers_that_are_not_set_are_those_of_the_running_stack(tmp_path: Path) -> None:
    environ = {"STREAMAPP_DATABASE_URL": "postgresql://run", "STREAMAPP_REDIS_URL": "redis://run", "PATH": "/"}
    (tmp_path / "run.json").write_text(json.dumps({"pid": 1, "environ": environ}))
    settings = platform_settings({"STREAMAPP_DATA_DIR": str(tmp_path), "STREAMAPP_REDIS_URL": "redis://mine"})
    assert (settings.database_url, settings.redis_url) == ("postgresql://run", "redis://mine")


async def test_a_pace_is_kept_and_0_is_none() -> None:
    clock = asyncio.get_running_loop().time
    began, pace = clock(), Pace(50)
    for _ in range(6):
        await pace.turn()
    assert clock() - began >= 0.1
    began, pace = clock(), Pace(0)
    for _ in range(100):
        await pace.turn()
    assert clock() - began < 0.1


def test_a_comparison_has_the_counts_behind_each_share() -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    run = Run(
        run_id="audit",
        models={"ash": "fresh"},
        source=None,
        images=1200,
        started_at=at,
        first_at=at,
        first_image="8e1a6c9a-3b64-4a7e-9d0e-0d4f0f1c2b3a",
        finished_at=None,
        last_at=at,
        last_image="8e1a6c9a-3b64-4a7e-9d0e-0d4f0f1c2b3a",
    )
    counts = Comparison(
        predicted=1199,
        dead=1,
        compared=1000,
        agreed=990,
        labelled=0,
        correct=0,
        live_labelled=8,
        live_correct=6,
        model_version="v2",
    )
    table = comparison_table(Replayed(run, {"ash": counts}))
    cells = [next(iter(column.cells)) for column in table.columns]
    assert cells == ["ash", "1,199", "1", "99.0% (990 of 1,000)", "–", "75.0% (6 of 8)"]
