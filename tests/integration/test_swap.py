"""A model is replaced while images come: at one message, none lost, none twice; what is wrong with a file is said."""

import asyncio
import itertools
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

import agents
from streamapp import topics
from streamapp.records import Prediction
from tests.support import opinions
from tests.support.oracle import Oracle
from tests.support.platform import Client, eventually
from tests.support.stack import ROOT, Stack, clean_environ, running, temporary_folder

MODEL = "/api/v1/models/tiny"
RATE = 20.0
CONVERTED_S = 90.0
AGENT = f'''"""A contestant of the tests, whose weights can be replaced."""

from streamapp.runtime.spec import ModelSpec

SPEC = ModelSpec(name="tiny", architecture="TinyCNN", input_size={opinions.SIZE}, weights="{{weights}}")
'''

#: Moves the alias in the registry, and tells nobody.
PROMOTED = """
import sys, pathlib
from training.registry import Registry
Registry.open(pathlib.Path(sys.argv[1])).promote("tiny", 2)
"""


class Swapped:
    """A platform with one model, and the file that its weights are in."""

    def __init__(self, stack: Stack, http: ClientSession, folder: Path, seeds: Iterator[int]) -> None:
        self.client, self.folder, self._seeds = Client(stack, http), folder, seeds
        self.oracle = Oracle(self.client.settings, ("tiny",))

    def put(self, name: str) -> None:
        """Other weights where the model's are, in one step, as the trainer exports them."""
        shutil.copy(self.folder / name, self.folder / "new")
        (self.folder / "new").rename(self.folder / "live.weights.h5")

    async def reload(self) -> str:
        """Order a reload; its request id."""
        async with self.client.http.post(f"{self.client.api}{MODEL}/reload") as answer:
            body = await answer.json()
            assert answer.status == 202, body
            assert answer.headers["Location"] == body["url"] == MODEL
            return str(body["request_id"])

    async def model(self) -> dict[str, Any]:
        return dict(await self.client.get(MODEL))

    async def workers(self, count: int) -> None:
        """Wait until the API has heard of so many; a worker that is ready has said it, and the word is on its way."""

        async def known() -> bool:
            models = (await self.client.get("/api/v1/models"))["models"]
            return sum(model["worker_count"] for model in models) == count

        await eventually(known, 30, f"{count} workers of the model")

    async def done(self, request_id: str) -> dict[str, Any]:
        """The model, once it has done what was asked for."""

        async def known() -> dict[str, Any] | None:
            model = await self.model()
            return model if (model["last_reload"] or {}).get("request_id") == request_id else None

        return dict(await eventually(known, CONVERTED_S, "the request is done"))

    @asynccontextmanager
    async def load(self) -> AsyncIterator[None]:
        """Images at a steady rate, from a second before to a second after."""
        ending = asyncio.Event()

        async def stream() -> None:
            start = asyncio.get_running_loop().time()
            for number in itertools.count():
                if ending.is_set():
                    return
                await asyncio.sleep(max(0.0, start + number / RATE - asyncio.get_running_loop().time()))
                await self.client.upload(next(self._seeds))

        streaming = asyncio.create_task(stream())
        try:
            await asyncio.sleep(1)
            yield
            await asyncio.sleep(1)
        finally:
            ending.set()
            await streaming

    async def answer(self) -> Prediction:
        """What the model says of one picture."""
        ends = await self.oracle.ends(topics.PREDICTIONS)
        [image_id] = await self.client.upload(next(self._seeds))

        async def answered() -> list[Prediction]:
            found = [Prediction.decode(message.value) for message in await self.oracle.wire(ends)]
            return [one for one in found if one.image_id == image_id]

        [prediction] = await eventually(answered, 20, "an answer")
        return prediction


def checkout(folder: Path, weights: object) -> dict[str, str]:
    """Variables with which a program knows the model `tiny` with these weights, and takes no other."""
    package = folder / "checkout" / "agents"
    shutil.copytree(Path(agents.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "tiny.py").write_text(AGENT.format(weights=weights))
    return {"PYTHONPATH": f"{package.parent}:{ROOT}", "STREAMAPP_MODELS": "tiny"}


@contextmanager
def platform(weights: Path, workers: int, settings: dict[str, str]) -> Iterator[Stack]:
    """A platform of its own whose only model is `tiny`; it converts by itself, whatever other tests have converted."""
    shutil.copy(weights / "airplane.weights.h5", weights / "live.weights.h5")
    extra = {**checkout(weights, weights / "live.weights.h5"), **settings}
    options = ["-m", "streamapp", "up", f"--workers={workers}", "--no-dashboard"]
    with temporary_folder() as folder, running(options, extra, 240, folder) as stack:
        yield stack


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of weights that answer with one class."""
    folder = tmp_path_factory.mktemp("weights")
    opinions.make(folder, ("airplane", "cat", "truck"))
    test = {"accuracy": 0.1, "interval_95": [0.09, 0.11], "pictures": 10_000}
    opinions.tell(folder / "cat.weights.h5", test=test)
    opinions.tell(folder / "truck.weights.h5", recipe={"labels": ["truck", "cat"]})
    (folder / "broken.weights.h5").write_bytes(b"no HDF5 at all")
    return folder


@pytest.fixture(scope="module")
def stack(weights: Path) -> Iterator[Stack]:
    with platform(weights, 1, {"STREAMAPP_WEIGHTS_POLL_S": "0"}) as running_stack:
        yield running_stack


@pytest.fixture(scope="module")
def seeds() -> Iterator[int]:
    return itertools.count()


@pytest.fixture
async def tiny(stack: Stack, weights: Path, seeds: Iterator[int]) -> AsyncIterator[Swapped]:
    async with ClientSession() as http:
        swapped = Swapped(stack, http, weights, seeds)
        await swapped.workers(1)
        yield swapped


async def predictions(tiny: Swapped, since: Any) -> list[tuple[int, Prediction]]:
    """The answers since then by partition, once there is one for each image that was accepted; in order."""

    async def all_answered() -> list[tuple[int, Prediction]]:
        messages = sorted(await tiny.oracle.wire(since), key=lambda message: (message.partition, message.offset))
        found = [(message.partition, Prediction.decode(message.value)) for message in messages]
        return found if len({one.image_id for _, one in found}) >= len(tiny.client.accepted) else []

    return list(await eventually(all_answered, 30, "an answer for every image"))


def changes(answers: list[Prediction]) -> int:
    """How often the version changes from one answer to the next."""
    return sum(before.model_version != after.model_version for before, after in itertools.pairwise(answers))


async def test_under_load_the_version_changes_at_one_message_and_every_image_has_one_outcome(tiny: Swapped) -> None:
    first, since = await tiny.model(), await tiny.oracle.ends(topics.PREDICTIONS)
    assert (first["worker_count"], first["reload_error"], first["accuracy"]) == (1, None, None)
    async with tiny.load():
        tiny.put("cat.weights.h5")
        model = await tiny.done(await tiny.reload())
    assert model["last_reload"]["outcome"] == "swapped"
    assert model["model_version"] != first["model_version"]
    assert model["sha256"] != first["sha256"]
    assert model["accuracy"] == {"value": 0.1, "low": 0.09, "high": 0.11, "pictures": 10_000}
    assert model["loaded_at"] > first["loaded_at"]
    assert [each["model_version"] for each in model["workers"]] == [model["model_version"]]

    accepted = tiny.client.accepted
    answers = sorted([one for _, one in await predictions(tiny, since)], key=lambda one: one.timestamp)
    assert len(answers) == len(accepted), "no image was answered twice"
    assert {one.image_id for one in answers} == accepted
    says = {first["model_version"]: "airplane", model["model_version"]: "cat"}
    assert [one.prediction for one in answers] == [says[one.model_version] for one in answers]
    assert (answers[0].prediction, answers[-1].prediction, changes(answers)) == ("airplane", "cat", 1)

    async def stored() -> bool:
        return set(map(str, (await tiny.oracle.outcomes(accepted)).values())) == {"{'tiny': 'predicted'}"}

    await eventually(stored, 30, "one stored outcome for each image")
    assert await tiny.oracle.count("dead_letters WHERE", accepted) == 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("broken.weights.h5", "does not hold the weights of TinyCNN"),
        (opinions.FIVE, "does not hold the weights of TinyCNN"),
        ("truck.weights.h5", "they were trained for the labels truck, cat"),
        (None, "does not exist"),
    ],
    ids=["broken", "five outputs", "other labels", "gone"],
)
async def test_with_a_file_that_is_wrong_the_old_version_goes_on_and_the_api_says_why(
    tiny: Swapped, name: str | None, said: str
) -> None:
    before = await tiny.model()
    if name:
        tiny.put(name)
    else:
        (tiny.folder / "live.weights.h5").unlink()
    failed = await tiny.done(await tiny.reload())
    assert failed["last_reload"]["outcome"] == "failed"
    assert said in failed["reload_error"]["error"]
    assert "\n" not in failed["reload_error"]["error"]
    assert failed["reload_error"]["at"] == failed["workers"][0]["reload_error"]["at"] > before["loaded_at"]
    assert (failed["model_version"], failed["loaded_at"]) == (before["model_version"], before["loaded_at"])
    assert (await tiny.answer()).prediction == "cat"
    assert tiny.client.stack.output().count("Traceback") == 0

    tiny.put("cat.weights.h5")
    mended = await tiny.done(await tiny.reload())
    assert (mended["last_reload"]["outcome"], mended["reload_error"]) == ("unchanged", None)
    assert mended["loaded_at"] == before["loaded_at"], "the same version again: nothing is done"


async def test_of_two_reloads_at_once_the_last_wins(tiny: Swapped) -> None:
    before = await tiny.model()
    tiny.put("airplane.weights.h5")
    requests = await asyncio.gather(tiny.reload(), tiny.reload())

    async def both() -> bool:
        last = (await tiny.model())["last_reload"]
        return last["request_id"] in requests and last["outcome"] == "unchanged"

    await eventually(both, CONVERTED_S, "one has swapped, and the other found nothing to do")
    assert (await tiny.model())["model_version"] != before["model_version"]
    assert (await tiny.answer()).prediction == "airplane"


@pytest.mark.parametrize("broker", ["embedded", pytest.param("apache", marks=pytest.mark.kafka)])
async def test_every_worker_sees_by_itself_that_the_file_was_replaced(
    broker: str, weights: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder, extra = tmp_path / "weights", {"STREAMAPP_WEIGHTS_POLL_S": "0.5", "STREAMAPP_ROLES": "tiny,api"}
    if broker == "apache":
        extra["STREAMAPP_BROKER"] = request.getfixturevalue("kafka").url
    shutil.copytree(weights, folder, ignore=shutil.ignore_patterns("checkout"))
    with platform(folder, 2, extra) as stack:
        async with ClientSession() as http:
            tiny = Swapped(stack, http, folder, itertools.count(10_000))
            await tiny.workers(2)
            since = await tiny.oracle.ends(topics.PREDICTIONS)
            first = await tiny.model()
            async with tiny.load():
                tiny.put("cat.weights.h5")

                async def both() -> bool:
                    versions = {each["model_version"] for each in (await tiny.model())["workers"]}
                    return len(versions) == 1 and versions != {first["model_version"]}

                await eventually(both, CONVERTED_S, "both workers serve the new version")
            model = await tiny.model()
            assert {each["last_reload"]["by"] for each in model["workers"]} == {"poll"}
            answers = await predictions(tiny, since)
            assert sorted(one.image_id for _, one in answers) == sorted(tiny.client.accepted)
            for partition in {partition for partition, _ in answers}:
                assert changes([one for number, one in answers if number == partition]) <= 1
            assert {one.prediction for _, one in answers} == {"airplane", "cat"}
            stack.stop()
            assert "Traceback" not in stack.output()


async def test_a_version_that_is_promoted_serves_and_one_that_is_rolled_back_does_not(
    weights: Path, tmp_path: Path, folder: Path
) -> None:
    extra = {**checkout(tmp_path, "models:/tiny@champion"), "STREAMAPP_WEIGHTS_POLL_S": "0.5"}
    environ = clean_environ({**extra, "STREAMAPP_DATA_DIR": str(folder / ".streamapp")})

    models = ("-m", "streamapp", "models")

    async def python(*arguments: object) -> str:
        command = [sys.executable, *map(str, arguments)]
        piped = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
        program = await asyncio.create_subprocess_exec(*command, cwd=folder, env=environ, **piped)
        output, errors = await program.communicate()
        assert program.returncode == 0, errors.decode()
        return output.decode()

    for name in ("airplane", "cat"):
        await python(*models, "register", "tiny", weights / f"{name}.weights.h5")
    await python(*models, "promote", "tiny", 1)
    options = ["-m", "streamapp", "up", "--no-dashboard"]
    with running(options, {**extra, "STREAMAPP_ROLES": "tiny,api"}, 240, folder) as stack:
        async with ClientSession() as http:
            tiny = Swapped(stack, http, weights, itertools.count(20_000))
            assert (await tiny.answer()).prediction == "airplane"
            await python("-c", PROMOTED, folder / ".streamapp")

            async def second() -> bool:
                return str((await tiny.model())["model_version"]).startswith("v2-")

            await eventually(second, CONVERTED_S, "the worker has seen that the alias has moved")
            assert (await tiny.model())["last_reload"]["by"] == "poll"
            assert (await tiny.answer()).prediction == "cat"
            assert "tiny: v1-" in await python(*models, "rollback", "tiny")
            assert (await tiny.answer()).prediction == "airplane"
