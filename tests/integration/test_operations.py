"""The ledger, dead letters, frames left out and replays on a running platform of tiny real networks."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiohttp import ClientSession, FormData

from streamapp import topics
from streamapp.records import ImageMessage, Prediction, now
from streamapp.settings import Settings
from streamapp.storage.objects import ObjectStore
from tests.support.fleet import AGENT, INPUT, MODELS, ROLES, WEIGHTS, Fleet, fleet
from tests.support.oracle import Oracle
from tests.support.platform import eventually, picture
from tests.support.stack import ROOT, clean_environ, running_servers, temporary_folder

#: A model that fails does so at once, and one that is slow holds nobody up; a frame is old after a second and a half.
QUICK = {"retries": 0, "camera_deadline_s": 1.5, "lane": False}
LATE = "elm"


@dataclass
class Place:
    """The running platform, and what a person does to it."""

    folder: Path
    settings: Settings
    workers: Fleet
    oracle: Oracle
    http: ClientSession
    seed: int = 0

    # -- images ------------------------------------------------------------------------------------

    async def upload(self, count: int, **fields: str) -> list[UUID]:
        """Post so many pictures, all at once."""
        form = FormData()
        for name, text in fields.items():
            form.add_field(name, text)
        for _ in range(count):
            Place.seed += 1
            form.add_field("file", picture(Place.seed), filename="x.jpg", content_type="image/jpeg")
        async with self.http.post(f"{self.workers.api.url}/api/v1/images", data=form) as answer:
            assert answer.status == 202, await answer.text()
            return [UUID(image["image_id"]) for image in (await answer.json())["images"]]

    async def get(self, path: str, known: bool = True) -> Any:
        """The API's answer; None, where it need not be `known` yet, for what there is not."""
        async with self.http.get(f"{self.workers.api.url}/api/v1/{path}") as answer:
            if answer.status == 404 and not known:
                return None
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def verdicts(self, images: list[UUID], wait_s: float = 60) -> list[dict[str, Any]]:
        """The complete verdicts of these images, with `predictions`."""

        async def complete() -> list[dict[str, Any]]:
            found = [await self.get(f"images/{image_id}", known=False) for image_id in images]
            verdicts = [each["verdict"] for each in found if each and each["verdict"]]
            whole = [verdict for verdict in verdicts if verdict["complete"]]
            return whole if len(whole) == len(images) else []

        verdicts: list[dict[str, Any]] = await eventually(complete, wait_s, "complete verdicts")
        return verdicts

    # -- commands ----------------------------------------------------------------------------------

    @property
    def environ(self) -> dict[str, str]:
        """Of a command on this platform."""
        settings = self.settings.model_copy(update={"data_dir": self.workers.data_dir("ash-1")})
        return clean_environ(
            {
                "PYTHONPATH": f"{self.folder / 'checkout'}:{ROOT}",
                "STREAMAPP_API_URL": self.workers.api.url,
                "COLUMNS": "200",
                "TMPDIR": str(self.folder),
                **settings.environ(),
            }
        )

    async def run(self, *arguments: object, status: int = 0) -> str:
        """What `streamapp ARGUMENTS` prints; it must end with this status."""
        command = [sys.executable, "-m", "streamapp", *map(str, arguments)]
        done = await asyncio.to_thread(
            subprocess.run, command, env=self.environ, cwd=self.folder, capture_output=True, text=True, timeout=180
        )
        assert done.returncode == status, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout

    async def ledger(self, status: int = 0) -> dict[str, Any]:
        """The ledger once nothing moves."""
        answer: dict[str, Any] = json.loads(await self.run("ledger", "--wait", 60, "--json", status=status))
        assert answer["idle"]
        return answer

    async def accounts(self) -> dict[str, dict[str, Any]]:
        """The ledger by model; the live figures, which come a second later, are those that are stored."""

        async def agree() -> dict[str, dict[str, Any]]:
            found = {account["model"]: account for account in (await self.ledger())["models"]}
            return found if all(account["live"]["agrees"] for account in found.values()) else {}

        accounts: dict[str, dict[str, Any]] = await eventually(agree, 30, "the live figures are the stored ones")
        return accounts

    async def letters(self, **query: str) -> list[dict[str, Any]]:
        """Open dead letters."""
        options = [word for name, text in query.items() for word in (f"--{name}", text)]
        listed = json.loads(await self.run("dead-letters", "list", "--limit", 200, "--json", *options))
        letters: list[dict[str, Any]] = listed["dead_letters"]
        return letters


def counts(account: dict[str, Any]) -> dict[str, int]:
    return {kind: account[kind] for kind in ("accepted", "predicted", "dead", "shed")}


def each_model(**counted: int) -> dict[str, dict[str, int]]:
    return dict.fromkeys(MODELS, counted)


def difference(after: dict[str, Any], before: dict[str, Any]) -> dict[str, int]:
    return {
        kind: count - counts(before)[kind] for kind, count in counts(after).items() if count != counts(before)[kind]
    }


@pytest.fixture(scope="module", params=["embedded", pytest.param("apache", marks=pytest.mark.kafka)])
def started(request: pytest.FixtureRequest) -> Iterator[tuple[Path, Settings, Fleet]]:
    extra = {"STREAMAPP_BROKER": request.getfixturevalue("kafka").url} if request.param == "apache" else {}
    with temporary_folder() as folder, running_servers(extra) as servers:
        settings = Settings.load(servers.environ).model_copy(update=QUICK)
        with fleet(dict.fromkeys((*ROLES, LATE), settings), folder) as workers:
            workers.start(*(f"{role}-1" for role in ROLES))
            yield folder, settings, workers


@pytest.fixture
async def place(started: tuple[Path, Settings, Fleet]) -> AsyncIterator[Place]:
    folder, settings, workers = started
    workers.behave()
    await workers.ready()
    async with ClientSession() as http:
        yield Place(folder, settings, workers, Oracle(settings, MODELS), http)


# -- the ledger ------------------------------------------------------------------------------------


async def test_the_ledger_adds_up_on_both_sides(place: Place) -> None:
    before = await place.accounts()
    await place.upload(20)
    after = await place.accounts()
    assert {model: difference(after[model], before[model]) for model in MODELS} == each_model(accepted=20, predicted=20)
    for model in MODELS:
        stream = {side: after[model]["stream"][side] - before[model]["stream"][side] for side in ("committed", "end")}
        assert stream == {"committed": 20, "end": 20}
    table = await place.run("ledger", "--wait", 60)
    assert "it adds up" in table
    assert table.count("same") == len(MODELS), "the live figures are those that are stored"


@pytest.mark.parametrize("table", ["outcomes", "images"])
async def test_a_row_that_is_missing_is_seen_and_named(place: Place, table: str) -> None:
    [image_id] = await place.upload(1)
    await place.ledger()
    which = "model = 'birch' AND" if table == "outcomes" else ""
    [row] = await place.oracle.fetch(f"DELETE FROM {table} WHERE {which} image_id = $1 RETURNING *", image_id)
    try:
        answer = await place.ledger(status=1)
        assert answer["adds_up"] is False
        said = await place.run("ledger", "--wait", 60, status=1)
        if table == "outcomes":
            assert {account["model"]: account["missing"] for account in answer["models"] if account["missing"]} == {
                "birch": [str(image_id)]
            }
            assert f"birch has no outcome for 1 image: {image_id}" in said
        else:
            assert [account["strangers"] for account in answer["models"]] == [1, 1, 1]
            assert "ash has outcomes for 1 image that nobody has stored" in said
    finally:
        names = ", ".join(f'"{name}"' for name in row.keys())  # noqa: SIM118  # a record iterates over its values
        places = ", ".join(f"${number}" for number in range(1, len(row) + 1))
        await place.oracle.fetch(f"INSERT INTO {table} ({names}) VALUES ({places})", *row.values())
    assert (await place.ledger())["adds_up"]


async def test_what_is_not_idle_says_nothing_yet(place: Place) -> None:
    place.workers.misbehave("cedar", delay_s=0.3)
    await place.upload(12)
    answer = await place.get("ledger")
    assert (answer["idle"], answer["adds_up"]) == (False, None)
    place.workers.behave()
    assert (await place.ledger())["adds_up"]


async def test_a_model_that_comes_later_owes_nothing_of_before(place: Place) -> None:
    await place.upload(3)
    text = AGENT.format(name=LATE, size=INPUT, weights=WEIGHTS)
    (place.folder / "checkout" / "agents" / f"{LATE}.py").write_text(text)
    try:
        await asyncio.to_thread(place.workers.restart, "api-1")
        await place.workers.ready(["api-1"])
        waiting = await place.upload(2)
        await asyncio.to_thread(place.workers.start, f"{LATE}-1")
        await place.workers.ready([f"{LATE}-1"])
        await place.upload(3)
        accounts = {account["model"]: account for account in (await place.ledger())["models"]}
        assert counts(accounts[LATE]) == {"accepted": 5, "predicted": 5, "dead": 0, "shed": 0}
        assert accounts["ash"]["accepted"] > 5
        found = await place.oracle.outcomes(waiting)
        assert {each[LATE] for each in found.values()} == {"predicted"}, "it began with the first image after it"
    finally:
        await asyncio.to_thread(place.workers.stop, f"{LATE}-1")
        del place.workers.workers[f"{LATE}-1"]
        (place.folder / "checkout" / "agents" / f"{LATE}.py").unlink()
        await asyncio.to_thread(place.workers.restart, "api-1")
        await place.workers.ready()


# -- dead letters ----------------------------------------------------------------------------------


async def test_once_the_bug_is_mended_dead_letters_go_through(place: Place) -> None:
    before = await place.accounts()
    place.workers.misbehave("birch", fail_images=2)
    images = await place.upload(16)
    verdicts = await place.verdicts(images)
    failed = sum(verdict["dead"] == ["birch"] for verdict in verdicts)
    assert 0 < failed < 16
    broken = await place.accounts()
    assert difference(broken["birch"], before["birch"]) == {"accepted": 16, "predicted": 16 - failed, "dead": failed}
    wire = await place.oracle.ends(topics.PREDICTIONS)

    letters = await place.letters(model="birch")
    assert [letter["tries"] for letter in letters] == [1] * failed
    dry = json.loads(await place.run("dead-letters", "retry", "--model", "birch", "--dry-run", "--json"))
    assert sorted(dry["settled"]) == sorted(letter["id"] for letter in letters)
    await place.run("dead-letters", "retry", "--model", "birch")  # the bug is still there

    async def failed_again() -> bool:
        return [letter["tries"] for letter in await place.letters(model="birch")] == [2] * failed

    await eventually(failed_again, 30, "as many new letters")
    assert difference((await place.accounts())["birch"], broken["birch"]) == {}, "nothing counts twice"

    place.workers.behave()
    assert f"{failed} dead letter" in await place.run("dead-letters", "retry", "--model", "birch")
    mended = await place.accounts()
    assert difference(mended["birch"], before["birch"]) == {"accepted": 16, "predicted": 16}
    assert [difference(mended[model], broken[model]) for model in ("ash", "cedar")] == [{}, {}]
    assert await place.letters(model="birch") == []
    answers = [Prediction.decode(message.value) for message in await place.oracle.wire(wire)]
    assert Counter(answer.model for answer in answers) == {"birch": failed}, "the other models did nothing again"
    assert all(answer.amends for answer in answers)
    for verdict in await place.verdicts(images):
        assert (verdict["dead"], verdict["answers"], verdict["expected"]) == ([], 3, 3), "the verdicts are amended"


async def test_what_nobody_could_read_is_tried_again_by_each_group_for_itself(place: Place) -> None:
    before = await place.ledger()
    async with place.oracle.producing() as producer:
        await producer.send_and_wait(topics.IMAGES, b"{poison", key=b"x", partition=5)
    groups = {*(f"streamapp-{model}" for model in MODELS), "streamapp-recorder"}

    async def letters_with(tries: int) -> bool:
        letters = await place.letters(stage="decode")
        return {(letter["group"], letter["tries"]) for letter in letters} == {(group, tries) for group in groups}

    await eventually(lambda: letters_with(1), 30, "a letter of each group")
    await place.run("dead-letters", "retry", "--stage", "decode")
    await eventually(lambda: letters_with(2), 30, "one new letter of each group")
    after = await place.ledger()
    assert after["unreadable"] - before["unreadable"] == 2 * len(groups)
    assert after["accepted"] == before["accepted"]
    await place.run("dead-letters", "discard", "--stage", "decode")
    assert await place.letters(stage="decode") == []


async def test_an_image_whose_original_is_missing_says_so_until_it_is_back(place: Place) -> None:
    image_id, data = uuid4(), picture(1)
    path = f"{topics.RAW_IMAGES_BUCKET}/2026/11/22/{image_id}.jpg"
    image = ImageMessage(
        image_id=image_id, minio_path=path, timestamp=now(), content_type="image/jpeg", sha256="0" * 64
    )
    async with place.oracle.producing() as producer:
        await producer.send_and_wait(topics.IMAGES, image.encode(), key=str(image_id).encode())
    [verdict] = await place.verdicts([image_id])
    assert verdict["dead"] == list(MODELS)
    await place.ledger()
    refused = await place.run("dead-letters", "retry", "--reason", "object-missing", status=1)
    assert "0 dead letters sent again" in refused
    assert refused.count(f"the object store has no {path}; put the original back") == 3
    assert len(await place.letters(reason="object-missing")) == 3

    async with ObjectStore.connect(place.settings.object_store_url) as objects:
        await objects.put(path, data, "image/jpeg")
    await place.run("dead-letters", "retry", "--reason", "object-missing")

    async def predicted() -> bool:
        return set((await place.oracle.outcomes([image_id]))[image_id].values()) == {"predicted"}

    await eventually(predicted, 30, "every model has answered")
    [verdict] = await place.verdicts([image_id])
    assert (verdict["dead"], verdict["answers"]) == ([], 3)


# -- live means live -------------------------------------------------------------------------------

CAMERA = {"source": "webcam", "camera_id": "door"}


async def shed_by(place: Place, model: str) -> float:
    """What a worker's metrics say."""
    found = re.findall(rf'streamapp_shed_total{{model="{model}"}} (\S+)', await place.workers[f"{model}-1"].metrics())
    return float(found[0]) if found else 0.0


async def test_a_slow_model_leaves_old_frames_out_and_nothing_else(place: Place) -> None:
    before, metric = await place.accounts(), await shed_by(place, "cedar")
    place.workers.misbehave("cedar", delay_s=0.4)
    frames, labelled, uploads = await asyncio.gather(
        place.upload(20, **CAMERA), place.upload(2, label="cat", **CAMERA), place.upload(3)
    )
    verdicts = await place.verdicts(frames, wait_s=25)  # less than the race's deadline: nobody waited for it
    left_out = [verdict for verdict in verdicts if verdict["shed"] == ["cedar"]]
    assert len(left_out) >= 10, "25 images take ten seconds, and a frame is old after one and a half"
    assert all(
        (verdict["answers"], verdict["source"], verdict["camera_id"]) == (2, "webcam", "door") for verdict in left_out
    )
    await place.verdicts([*labelled, *uploads])
    [newest] = await place.upload(1, **CAMERA)
    [verdict] = await place.verdicts([newest])
    assert verdict["shed"] == [], "slow as it is, it keeps up with the newest frame"
    place.workers.behave()

    after = await place.accounts()
    shed = len(left_out)
    assert difference(after["cedar"], before["cedar"]) == {"accepted": 26, "predicted": 26 - shed, "shed": shed}
    assert difference(after["ash"], before["ash"]) == {"accepted": 26, "predicted": 26}
    outcomes = await place.oracle.outcomes([*labelled, *uploads])
    assert {outcome for each in outcomes.values() for outcome in each.values()} == {"predicted"}
    assert await shed_by(place, "cedar") - metric == shed
    figures = {row["model_name"]: row for row in (await place.get("stats?window=5m"))["models"]}
    assert figures["cedar"]["shed"] >= shed
    assert figures["ash"]["shed"] == before["ash"]["shed"]


async def test_after_a_pause_the_newest_frame_does_not_wait_for_the_old_ones(place: Place) -> None:
    before, worker = await place.accounts(), place.workers["ash-1"]
    worker.signal(signal.SIGSTOP)
    try:
        old = await place.upload(40, **CAMERA)
        await asyncio.sleep(3)
    finally:
        worker.signal(signal.SIGCONT)
    [newest] = await place.upload(1, **CAMERA)
    [verdict] = await place.verdicts([newest], wait_s=10)
    assert verdict["answers"] == 3
    after = await place.accounts()
    assert difference(after["ash"], before["ash"]) == {"accepted": 41, "predicted": 1, "shed": 40}
    assert {verdict["shed"] == ["ash"] for verdict in await place.verdicts(old)} == {True}


# -- replays ---------------------------------------------------------------------------------------


async def test_a_replay_beside_the_live_stream_touches_none_of_its_figures(place: Place) -> None:
    images = await place.upload(30, label="cat")
    await place.verdicts(images)
    before = await place.accounts()
    ends = {topic: await place.oracle.ends(topic) for topic in (topics.IMAGES, topics.VERDICTS, topics.DEAD_LETTERS)}
    chosen = await place.oracle.fetch(
        "SELECT image_id FROM images WHERE image_id = ANY ($1::uuid[]) ORDER BY timestamp, image_id", images
    )
    first, last = chosen[0]["image_id"], chosen[-1]["image_id"]
    replaying = asyncio.create_task(
        place.run("replay", "--from", first, "--to", last, "--model", "ash", "--run-id", "audit", "--json")
    )
    for _ in range(5):
        await place.upload(2)
        await asyncio.sleep(0.2)
    result = json.loads(await replaying)
    compared = result["models"]["ash"]
    assert (result["run_id"], result["images"]) == ("audit", 30)
    assert (compared["predicted"], compared["dead"], compared["compared"], compared["agreed"]) == (30, 0, 30, 30)
    assert (compared["labelled"], compared["live_labelled"]) == (30, 30)
    assert compared["correct"] == compared["live_correct"]

    after = await place.ledger()
    assert {account["model"]: difference(account, before[account["model"]]) for account in after["models"]} == (
        each_model(accepted=10, predicted=10)
    )
    assert after["replays"]["audit"] == {"ash": {"predicted": 30}}
    assert all(account["live"]["agrees"] for account in (await place.accounts()).values())
    grown = {topic: sum((await place.oracle.ends(topic)).values()) - sum(end.values()) for topic, end in ends.items()}
    assert grown == {topics.IMAGES: 10, topics.VERDICTS: 10, topics.DEAD_LETTERS: 0}, "only the uploads' messages"
    shown = await place.get(f"images/{first}")
    assert len(shown["predictions"]) == 3
    assert "audit" in await place.run("replay", "list")


async def test_a_replay_that_was_stopped_goes_on_where_it_was(place: Place) -> None:
    images = await place.upload(40)
    await place.verdicts(images)
    command = [sys.executable, "-m", "streamapp", "replay", "--from", "1h", "--model", "birch", "--run-id", "halted"]
    process = subprocess.Popen(
        [*command, "--rate", "8"], env=place.environ, cwd=place.folder, stderr=subprocess.PIPE, text=True
    )

    async def stored() -> int:
        rows = await place.oracle.fetch("SELECT count(*) FROM outcomes WHERE run_id = 'halted'")
        return int(rows[0]["count"])

    try:
        await eventually(stored, 60, "the first page is stored")
        process.send_signal(signal.SIGINT)
        _, said = await asyncio.to_thread(process.communicate, timeout=20)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130, said
    assert "`streamapp replay --run-id halted` goes on" in said
    assert "Traceback" not in said
    halfway = await stored()
    [run] = [run for run in json.loads(await place.run("replay", "list", "--json")) if run["run_id"] == "halted"]
    assert 0 < halfway < run["images"]
    assert run["finished_at"] is None

    another = await place.run("replay", "--run-id", "halted", "--model", "ash", status=1)
    assert another == ""
    known = await place.oracle.fetch("SELECT max(recorded_at) AS at FROM outcomes WHERE run_id = 'halted'")
    result = json.loads(await place.run("replay", "--run-id", "halted", "--json"))
    assert result["models"]["birch"]["predicted"] == run["images"]
    old = await place.oracle.fetch(
        "SELECT count(*) FROM outcomes WHERE run_id = 'halted' AND recorded_at <= $1", known[0]["at"]
    )
    assert old[0]["count"] == halfway, "what was done is as it was"


async def test_other_weights_are_compared_and_untrained_ones_have_no_accuracy(place: Place) -> None:
    images = await place.upload(12, label="cat")
    await place.verdicts(images)
    arguments = ["--from", "10m", "--source", "upload", "--model", "ash", "--weights", "fresh", "--json"]
    result = json.loads(await place.run("replay", *arguments))
    compared = result["models"]["ash"]
    assert compared["predicted"] == result["images"] >= 12
    assert compared["agreed"] < compared["compared"]
    assert (compared["labelled"], compared["live_labelled"] > 0) == (0, True)
    assert compared["model_version"].startswith("untrained")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "--from is missing"),
        (("--from", "yesterday"), "is no time"),
        (("--from", "1h", "--run-id", "live"), "`live` is taken"),
        (("--from", "1h", "--model", "oak"), "no model 'oak'"),
        (("--from", "1h", "--weights", "fresh"), "say which with --model"),
        (("--from", "2020-01-01", "--to", "2020-01-02"), "no published images"),
        (("--from", "8e1a6c9a-3b64-4a7e-9d0e-0d4f0f1c2b3a"), "there is no image"),
        (("--from", "0:999999999"), "there is no image 0:999999999"),
    ],
)
async def test_a_replay_that_cannot_be_is_refused_in_one_line(
    place: Place, arguments: tuple[str, ...], why: str
) -> None:
    command = [sys.executable, "-m", "streamapp", "replay", *arguments]
    done = await asyncio.to_thread(
        subprocess.run,
        command,
        env=place.environ | {"COLUMNS": "400"},
        cwd=place.folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert why in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert os.environ.get("STREAMAPP_API_URL") is None
