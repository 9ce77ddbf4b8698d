import json
from dataclasses import replace

import pytest

from dash_ui import sheet
from dash_ui.data import Race
from dash_ui.language import LANGUAGES, speaking
from dash_ui.view import View

MODELS = ["efficientnet", "mobilenet", "resnet50"]
#: What a row may weigh, so that a page of them is one refresh.
MAX_ROW_BYTES = 700


def test_a_row_says_what_each_model_says_and_who_differs(race: Race) -> None:
    row = sheet.row(race, MODELS, View.parse("/images?label=cat"))
    assert [row[f"model{number}"] for number in range(3)] == ["cat 90\u00a0%", "dog 60\u00a0%", "cat 80\u00a0%"]
    assert (row["agrees"], row["differs"]) == (["model0", "model2"], ["model1"])
    assert (row["consensus"], row["label"], row["agreement"]) == ("cat", "cat", "67\u00a0%")
    assert "✓" in json.dumps(row["mark"], ensure_ascii=False)
    assert row["url"] == f"/images?label=cat&open={race.image_id}"


def test_without_a_verdict_or_a_label_there_is_nothing_to_agree_with(race: Race) -> None:
    silent = replace(race, answers=race.answers[:1], consensus=None, agreement=None, label=None)
    row = sheet.row(silent, MODELS, View("images"))
    assert [row[name] for name in ("consensus", "agreement", "label", "model1")] == ["–"] * 4
    assert (row["agrees"], row["differs"], row["mark"]) == ([], [], [])


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_column_has_a_name_and_its_value_in_each_row(race: Race, language: str) -> None:
    with speaking(language):
        columns, row = sheet.columns(MODELS), sheet.row(race, MODELS, View("images"))
    assert all(column["headerName"] for column in columns)
    assert {column["field"] for column in columns} - {"image"} <= row.keys()
    assert [column["headerName"] for column in columns if "headerStyle" in column] == MODELS
    assert len(json.dumps(row)) < MAX_ROW_BYTES
