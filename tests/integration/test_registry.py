"""From the trainer over MLflow's registry into a model that answers: for real, with a small network."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamapp.errors import ModelError
from streamapp.runtime import downloads, load, registry
from streamapp.runtime.prepare import prepare
from streamapp.runtime.spec import ModelSpec
from streamapp.runtime.weights import exact, resolve
from streamapp.settings import Settings
from tests.support import registry_child
from tests.support.shapes import write_shapes
from tests.unit.web.doubles import make_context, running_api
from tests.unit.web.messages import state

ROOT = Path(__file__).parents[2]
CHAMPION = "models:/tiny@champion"
SPEC = ModelSpec("tiny", "TinyCNN", weights=CHAMPION)


@dataclass(frozen=True)
class Store:
    """A local registry with two versions of `tiny`."""

    settings: Settings
    digests: list[str]
    accuracies: list[float]
    refused: str

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("STREAMAPP_", "MLFLOW_"))}
        environ = {**kept, "STREAMAPP_DATA_DIR": str(self.settings.data_dir)}
        command = [sys.executable, "-m", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)

    def child(self, *arguments: str) -> dict[str, Any]:
        done = self.run(registry_child.__name__, *arguments)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer

    def models(self, *arguments: str) -> str:
        done = self.run("streamapp", "models", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("registry")
    empty = Store(Settings(data_dir=folder / "data"), [], [], "")
    shapes = write_shapes(folder / "shapes", train=24, test=8)
    made = empty.child("trained", str(shapes), str(folder / "training"))
    assert made["numbers"] == [1, 2]
    assert made["digests"][0] != made["digests"][1]
    return Store(empty.settings, made["digests"], made["accuracies"], made["refused"])


@pytest.fixture(autouse=True)
def local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def test_promoted_resolved_run_and_rolled_back(store: Store) -> None:
    settings = store.settings
    with pytest.raises(ModelError, match=r"has no alias 'champion' of a model 'tiny'; `streamapp models show tiny`"):
        resolve(SPEC, settings)

    assert "version 1 is the champion now; before it: none" in store.models("promote", "tiny", "1")
    assert registry.current(CHAMPION, settings) == registry.Version("tiny", 1, store.digests[0])
    weights = resolve(SPEC, settings)
    assert (weights.uri, weights.digest) == ("models:/tiny/1", store.digests[0])
    assert weights.version == f"v1-{store.digests[0][:8]}"

    pinned = exact(SPEC, settings)
    assert (pinned.weights, pinned.input_size) == (f"models:/tiny/1#sha256={store.digests[0]}", 32)
    prepare(settings, [SPEC])
    model = load(SPEC, settings)
    answers = model.predict(np.zeros((1, 32, 32, 3), np.uint8))
    assert (model.info.model_version, model.info.weights) == (weights.version, weights.uri)
    assert model.info.accuracy is not None
    assert model.info.accuracy.value == pytest.approx(store.accuracies[0])

    said = store.models("promote", "tiny", "2")
    assert "version 2 is the champion now; before it: 1" in said
    assert "with STREAMAPP_WEIGHTS=tiny=models:/tiny@champion" in said
    assert resolve(SPEC, settings).digest == store.digests[1]
    assert resolve(pinned, settings).digest == store.digests[0]  # an exact spec does not move
    second = load(SPEC, settings)  # it was converted when it was registered
    assert second.info.model_version == f"v2-{store.digests[1][:8]}"
    assert abs(second.predict(np.zeros((1, 32, 32, 3), np.uint8)) - answers).max() > 1e-4

    shown = store.models("show", "tiny").splitlines()
    assert next(line for line in shown if "champion" in line).split()[1] == "2"
    assert next(line for line in shown if "previous" in line).split()[1] == "1"
    assert any(f"{store.accuracies[1]:.2%} (" in line for line in shown)

    assert "version 1 is the champion again" in store.models("rollback", "tiny")
    assert resolve(SPEC, settings).digest == store.digests[0]
    assert store.child("aliases", "tiny") == {"champion": 1, "previous": 2}
    assert "mlflow" not in sys.modules


async def test_the_api_lists_versions_promotes_one_and_goes_back(store: Store) -> None:
    context = make_context(data_dir=store.settings.data_dir)
    context.live.roster.put(state("tiny-int8", weights="models:/tiny/1"))
    context.live.roster.put(state("mobilenet", weights="cifar10"))
    orders = context.order.__self__.orders  # type: ignore[attr-defined]
    async with running_api(context) as client:
        url = "/api/v1/models/tiny-int8"
        async with client.get(f"{url}/versions") as answer:
            assert answer.status == 200
            said = await answer.json()
        assert (said["model"], said["registered"]) == ("tiny-int8", "tiny")
        assert [(one["version"], one["sha256"]) for one in said["versions"]] == [
            ("2", store.digests[1]),
            ("1", store.digests[0]),
        ]
        assert [one["accuracy"]["value"] for one in said["versions"]] == pytest.approx(store.accuracies[::-1])
        assert [one["served_by"] for one in said["versions"]] == [[], ["tiny-int8"]]
        assert len(said["versions"][1]["run_id"]) == 32
        moments = [datetime.fromisoformat(one["registered_at"]) for one in said["versions"]]
        assert moments == sorted(moments, reverse=True)

        for version in ("2", "1"):
            async with client.post(f"{url}/promote", json={"version": version}) as answer:
                assert (answer.status, answer.headers["Location"]) == (202, f"{url}/versions")
                promoted = await answer.json()
            assert (promoted["version"], promoted["models"]) == (version, ["tiny-int8"])
            assert (orders[-1].model, orders[-1].request_id) == ("tiny-int8", promoted["request_id"])
            assert registry.current(CHAMPION, store.settings).number == int(version)
        assert promoted["before"] == "2"
        async with client.get(f"{url}/versions") as answer:
            assert [one["aliases"] for one in (await answer.json())["versions"]] == [["previous"], ["champion"]]

        for name, version in (("tiny", "9"), ("vgg", "1")):
            async with client.post(f"/api/v1/models/{name}/promote", json={"version": version}) as answer:
                assert (answer.status, answer.content_type) == (404, "application/problem+json")
                assert f"has no {'version 9 of a model' if name == 'tiny' else 'model'} {name!r}" in await answer.text()
    assert len(orders) == 2
    assert "mlflow" not in sys.modules


def test_what_the_model_cannot_run_is_not_registered(store: Store) -> None:
    assert "the weights are those of TinyCNN, not of ResNet50" in store.refused


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["promote", "tiny", "9"], "has no version 9 of a model 'tiny'"),
        (["promote", "vgg", "1"], "has no model 'vgg'"),
        (["show", "vgg"], "no model 'vgg' takes part; there are efficientnet, mobilenet, resnet50"),
        (["register", "mobilenet", "x.keras"], "weights 'x.keras': that path does not exist"),
    ],
)
def test_what_cannot_be_done_is_one_line(store: Store, arguments: list[str], said: str) -> None:
    done = store.run("streamapp", "models", *arguments)
    assert done.returncode == 1
    assert said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_wrong_pin_is_refused(store: Store) -> None:
    other = "0" * 64
    with pytest.raises(ModelError, match=rf"model 'tiny': .*have the SHA-256 {store.digests[0]}, not {other}"):
        resolve(ModelSpec("tiny", "TinyCNN", weights=f"{path_of(store, 0)}#sha256={other}"), store.settings)


def path_of(store: Store, index: int) -> Path:
    found = resolve(ModelSpec("tiny", "TinyCNN", weights=f"models:/tiny/{index + 1}"), store.settings)
    assert found.path is not None
    return found.path


def test_a_damaged_download_is_made_again(store: Store) -> None:
    path = path_of(store, 0)
    path.write_bytes(path.read_bytes()[:100])
    assert path_of(store, 0) == path
    assert resolve(ModelSpec("tiny", "TinyCNN", weights="models:/tiny/1"), store.settings).digest == store.digests[0]


def test_processes_that_download_together_and_one_that_was_killed_do_not_harm(store: Store) -> None:
    folder = downloads.root(store.settings)
    shutil.rmtree(folder)
    left = folder / ".new-tiny-1" / "model"
    left.mkdir(parents=True)
    (left / "tiny.weights.h5").write_bytes(b"half")
    code = (
        "import sys; from streamapp.runtime.weights import resolve; from streamapp.settings import Settings\n"
        "from tests.integration.test_registry import SPEC\nfrom dataclasses import replace\n"
        "print(resolve(replace(SPEC, weights='models:/tiny/1'), Settings(data_dir=sys.argv[1])).digest)"
    )
    command = [sys.executable, "-c", code, str(store.settings.data_dir)]
    processes = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[0].strip() for process in processes] == [store.digests[0]] * 2
    assert [path.name for path in sorted(folder.iterdir())] == [".lock", store.digests[0]]


def test_versions_that_others_registered(store: Store, tmp_path: Path) -> None:
    digests = store.child("odd", str(tmp_path))["digests"]

    def weights(number: int) -> Any:
        return resolve(ModelSpec("tiny", "TinyCNN", weights=f"models:/odd/{number}"), store.settings)

    assert weights(1).digest == digests[0]
    with pytest.raises(ModelError, match=rf"is not the one that was registered: SHA-256 {digests[1]}"):
        weights(2)
    with pytest.raises(ModelError, match=r"models:/odd/3: its files hold no weights that can be read"):
        weights(3)
