from typing import Any

from dash_ui.data import Stats
from dash_ui.table import COLUMNS, Known, stats_table
from dash_ui.tree import Element
from tests.support.fake_races import FakeModel, FakeWorld
from tests.unit.dash_ui.pieces import components, having, text

MODELS = ["efficientnet", "mobilenet", "resnet50"]


def stats(world: FakeWorld, **changes: Any) -> Stats:
    data = world.stats("1m")
    data["models"][0].update(changes)
    return Stats.parse(data)


def cells(table: Any, model: str) -> list[str]:
    (row,) = having(table, data_model=model)
    return [text(cell) for cell in components(row) if cell._type == "Td"]


def test_a_row_shows_every_figure_in_its_column(world: FakeWorld) -> None:
    world.race()
    quantiles = {"p50": 3.0, "p95": 4.0, "p99": 5.5, "mean": 3.25}
    figures = {"inference": quantiles, "total": {"p95": 1234.56}}
    row = cells(
        stats_table(
            stats(
                world,
                count=1500,
                throughput_imgs_per_sec=25.04,
                avg_latency_ms=3.25,
                stages=figures,
                avg_confidence=0.8125,
                accuracy=0.5,
                errors=2,
            ),
            Known(MODELS, lags={"efficientnet": 1234}),
        ),
        "efficientnet",
    )
    assert row == ["1,500", "25.0", "1,234", "3.2", "3.0", "4.0", "5.5", "1,234.6", "81.2 %", "50.0 %", "2"]
    assert len(row) == len(COLUMNS)


def test_what_is_not_known_is_a_dash_and_not_a_zero(world: FakeWorld) -> None:
    world.race(source="upload")
    row = cells(stats_table(stats(world), Known(MODELS)), "efficientnet")
    unknown = [name for (name, _), said in zip(COLUMNS, row, strict=True) if said == "–"]
    assert unknown == ["lag", "accuracy"]


def test_rows_come_in_the_order_of_the_colours_and_a_fourth_model_needs_no_edit(world: FakeWorld) -> None:
    world.models.insert(0, FakeModel("tiny", 1, 0.5))
    world.race()
    table = stats_table(Stats.parse(world.stats("1m")), Known([*MODELS, "tiny"]))
    rows = [getattr(row, "data-model") for row in components(table) if hasattr(row, "data-model")]
    assert rows == [*MODELS, "tiny"]
    assert len({row.style["--model"] for row in components(table) if hasattr(row, "data-model")}) == 4


def test_untrained_is_said(world: FakeWorld) -> None:
    assert "untrained" in text(stats_table(stats(world, trained=False), Known(MODELS)))
    assert "untrained" in text(stats_table(stats(world), Known(MODELS, {"mobilenet"})))
    assert "untrained" not in text(stats_table(stats(world), Known(MODELS)))


def test_the_ensemble_has_a_row_when_its_accuracy_is_known(world: FakeWorld) -> None:
    data = world.stats("1m")
    assert "ensemble" not in text(stats_table(Stats.parse(data), Known(MODELS)))
    data["ensemble"] = {"accuracy": 0.875, "labelled": 8}
    assert "ensemble 87.5 %" in text(stats_table(Stats.parse(data), Known(MODELS)))


def test_the_header_has_a_cell_for_each_column(world: FakeWorld) -> None:
    table = stats_table(stats(world), Known(MODELS))
    headers = [cell for cell in components(table) if cell._type == "Th" and getattr(cell, "scope", "") == "col"]
    assert [text(cell) for cell in headers if not hasattr(cell, "className")] == [
        *("Images", "Images/s", "Lag", "Confidence", "Accuracy", "Errors"),
        *("mean", "p50", "p95", "p99", "p95"),
    ]


def test_what_moved_has_a_sparkline_and_the_facts_are_under_the_name(world: FakeWorld) -> None:
    world.race()
    trend = [Stats.parse(world.stats("1m"))] * 3
    table = stats_table(trend[0], Known(MODELS, facts={"mobilenet": "3 · bf16"}, trend=trend))
    (row,) = having(table, data_model="mobilenet")
    assert text(having(row, class_="fact")) == "3 · bf16"
    drawn = [node for node in row.children[1:] if any(isinstance(part, Element) for part in node.children)]
    assert len(drawn) == 5 - (trend[0].models[1].accuracy is None)
