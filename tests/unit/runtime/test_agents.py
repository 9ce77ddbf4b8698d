"""Discovery of the models: a new file takes part, a broken one is named."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import agents
from streamapp.errors import ModelError

Write = Callable[[str, str], None]

SPEC = "from streamapp.runtime.spec import ModelSpec\nSPEC = ModelSpec({!r}, 'TinyCNN'{})\n"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Put a file into the package `agents`, for one test."""
    monkeypatch.setattr(agents, "__path__", [*agents.__path__, str(tmp_path)])
    before = set(sys.modules)

    def put(name: str, text: str) -> None:
        (tmp_path / f"{name}.py").write_text(text)

    yield put
    for name in set(sys.modules) - before:
        if name.startswith("agents."):
            sys.modules.pop(name)
            vars(agents).pop(name.removeprefix("agents."), None)


def test_the_three_of_the_project_in_alphabetical_order() -> None:
    found = agents.specs()
    assert {name: spec.architecture for name, spec in found.items()} == {
        "efficientnet": "EfficientNetB0",
        "mobilenet": "MobileNetV2",
        "resnet50": "ResNet50",
    }
    assert list(found) == sorted(found)


def test_an_agent_file_is_small() -> None:
    for path in Path(agents.__path__[0]).glob("[!_]*.py"):
        assert 15 <= len(path.read_text().splitlines()) <= 40, path.name


def test_discovery_imports_nothing_heavy() -> None:
    code = (
        "import agents, sys; import streamapp.runtime.prepare, streamapp.runtime.preprocess, streamapp.runtime.lane; "
        "agents.specs(); print(*{'tensorflow', 'keras', 'openvino', 'faust'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_one_new_file_takes_part(write: Write) -> None:
    write("zzz", SPEC.format("tiny", ""))
    assert list(agents.specs()) == ["efficientnet", "mobilenet", "resnet50", "tiny"]


def test_only_the_chosen_ones() -> None:
    assert list(agents.specs(" resnet50,mobilenet ,")) == ["mobilenet", "resnet50"]


def test_the_same_model_at_other_precisions() -> None:
    found = agents.specs("resnet50@bf16, mobilenet@int8, mobilenet", "mobilenet=fresh")
    assert list(found) == ["mobilenet", "mobilenet-int8", "resnet50-bf16"]
    plain, variant = found["mobilenet"], found["mobilenet-int8"]
    assert (variant.name, variant.precision, variant.weights) == ("mobilenet-int8", "int8", "fresh")
    assert replace(variant, name=plain.name, precision=plain.precision) == plain


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ("mobilenet@int4", "STREAMAPP_MODELS: mobilenet@int4: no precision 'int4'; there are f32, bf16, int8"),
        ("mobilenet@", "STREAMAPP_MODELS: mobilenet@: no precision ''; there are f32, bf16, int8"),
        ("vgg@int8", "STREAMAPP_MODELS: no model 'vgg' in agents/; there are efficientnet, mobilenet, resnet50"),
        ("resnet50,mobilenet,resnet50", "STREAMAPP_MODELS: resnet50 takes part twice"),
        ("mobilenet@int8,mobilenet@int8", "STREAMAPP_MODELS: mobilenet-int8 takes part twice"),
    ],
)
def test_contestants_that_cannot_be(models: str, message: str) -> None:
    with pytest.raises(ModelError, match=f"^{re.escape(message)}$"):
        agents.specs(models)


def test_a_variant_and_a_file_of_the_same_name(write: Write) -> None:
    write("mine", SPEC.format("mobilenet-int8", ""))
    with pytest.raises(ModelError, match="mobilenet-int8 takes part twice"):
        agents.specs("mobilenet-int8,mobilenet@int8")


def test_an_unknown_name() -> None:
    with pytest.raises(ModelError, match=r"no model 'vgg'.*there are efficientnet, mobilenet, resnet50"):
        agents.specs("vgg")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nowhere_to_be_found", r"agents/mine\.py cannot be imported: ModuleNotFoundError"),
        ("def (", r"agents/mine\.py cannot be imported: SyntaxError"),
        ("", r"agents/mine\.py has no SPEC"),
        ("SPEC = 'ResNet50'", r"agents/mine\.py has no SPEC"),
        (SPEC.format("Big", ""), r"agents/mine\.py: model 'Big': name must be like"),
        (
            SPEC.format("resnet50", ""),
            r"agents/resnet50\.py and agents/mine\.py both have a model named 'resnet50'",
        ),
    ],
)
def test_a_broken_file_is_named(write: Write, text: str, message: str) -> None:
    write("mine", text)
    with pytest.raises(ModelError, match=message):
        agents.specs()


def test_models_with_other_labels_cannot_race(write: Write) -> None:
    write("mine", SPEC.format("pets", ", labels=('cat', 'dog')"))
    with pytest.raises(ModelError, match="different labels"):
        agents.specs()
    assert list(agents.specs("pets")) == ["pets"]


def weights(text: str, models: str = "") -> dict[str, str]:
    return {name: spec.weights for name, spec in agents.specs(models, text).items()}


def test_weights_for_all_models_or_for_some() -> None:
    assert set(weights("").values()) == {"cifar10"}
    assert set(weights("/a,b/c.keras#sha256=00").values()) == {"/a,b/c.keras#sha256=00"}
    assert weights("resnet50=/a,b.keras#sha256=00, mobilenet=models:/mobilenet@champion") == {
        "efficientnet": "cifar10",
        "mobilenet": "models:/mobilenet@champion",
        "resnet50": "/a,b.keras#sha256=00",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vgg=fresh", "STREAMAPP_WEIGHTS: no model 'vgg' in agents/; there are efficientnet, mobilenet, resnet50"),
        ("fresh,mobilenet=cifar10", "STREAMAPP_WEIGHTS: one URI for all models, or name=URI once for each"),
        ("mobilenet=fresh,mobilenet=cifar10", "STREAMAPP_WEIGHTS: one URI for all models, or name=URI once for each"),
        ("mobilenet=", "model 'mobilenet': weights must not be empty"),
    ],
)
def test_weights_for_no_model(text: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        agents.specs("", text)


def test_weights_for_imagenet_bring_their_classes_so_that_they_race_among_themselves() -> None:
    found = agents.specs("", "imagenet")
    assert {(len(spec.labels), spec.input_size) for spec in found.values()} == {(1000, 224)}
    with pytest.raises(ModelError, match="different labels"):
        agents.specs("", "mobilenet=imagenet")
    assert len(agents.specs("mobilenet", "mobilenet=imagenet")["mobilenet"].labels) == 1000
