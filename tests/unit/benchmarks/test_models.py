"""The arithmetic of the benchmark of models."""

import pytest

from benchmarks.models import PREDICT, Row, jobs, ratios, show
from benchmarks.modeltimes import FEWEST, Times, timed
from streamapp.runtime.spec import ModelSpec


def row(how: str, one_ms: float, size: int = 64) -> Row:
    """A model whose images take that long alone, and half as long in eights."""
    calls = {1: [one_ms] * 9 + [one_ms * 3], 8: [one_ms * 4] * 10}
    return Row("tiny", size, how, Times(calls, "f32", 2e9, 8.5, 100), cpu_gflops=2000)


def test_times_and_operations_are_those_of_one_image() -> None:
    found = row("openvino f32", 4.0)
    assert [found.ms(1, 0.5), found.ms(8, 0.5), found.ms(1, 0.95)] == [4.0, 2.0, 12.0]
    assert [found.gflops(1), found.gflops(8)] == [pytest.approx(500), pytest.approx(1000)]


def test_the_ratio_compares_the_same_model_at_the_same_size() -> None:
    rows = [row("openvino f32", 2.0), row("openvino bf16", 1.0), row(PREDICT, 8.0), row("keras call", 4.0)]
    assert ratios(rows) == {("tiny", 64): 4.0}
    assert ratios([*rows, row(PREDICT, 3.0, size=224)]) == {("tiny", 64): 4.0}
    assert ratios([*rows, row("openvino f32", 2.0, 224), row(PREDICT, 3.0, 224)])[("tiny", 224)] == 1.5


@pytest.mark.parametrize(("predict_ms", "good"), [(6.1, True), (5.9, False)])
def test_each_model_must_reach_the_goal(predict_ms: float, good: bool) -> None:
    fast = [row("openvino f32", 2.0), row(PREDICT, 60.0)]
    assert show([*fast, row("openvino f32", 2.0, 224), row(PREDICT, predict_ms, 224)]) is good


def test_each_way_once_and_keras_only_in_f32() -> None:
    specs = [ModelSpec("tiny", "TinyCNN"), ModelSpec("other", "TinyCNN")]
    found = jobs(specs, ("openvino", "keras"), ("f32", "int8"), rounds=5)
    ways = [("openvino", "f32"), ("openvino", "int8"), (PREDICT, "f32"), ("keras call", "f32")]
    assert [(job.how, job.precision) for job in found] == ways * 2
    for job in found:
        spec = ModelSpec.from_json(job.spec)
        assert (spec.precision, spec.runtime) == (job.precision, job.how.split()[0])
    assert jobs(specs, ("keras",), ("f32", "int8"), 5)[0].how == PREDICT


def test_as_many_calls_as_asked_for_after_the_warm_up() -> None:
    calls = []
    assert len(timed(lambda: calls.append(1), 20)) == 20
    assert len(calls) > 20


def test_long_calls_are_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.modeltimes.LONG_S", 0.0)
    assert len(timed(lambda: None, 20)) == FEWEST
