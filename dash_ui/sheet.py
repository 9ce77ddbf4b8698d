"""The images as rows of a grid (AG Grid): its columns and what stands in each; `assets/sheet.js` draws the cells."""

from collections.abc import Sequence
from typing import Any

import dash_ag_grid

from dash_ui import figures
from dash_ui.cards import mark
from dash_ui.data import Answer, Race
from dash_ui.language import say
from dash_ui.texts import NOTHING, class_name, percent, source_name
from dash_ui.tree import elements
from dash_ui.view import View

ROW_PX, HEAD_PX = 60, 38
#: What a model says stands out where most of the others say something else.
RULES = {name: f"params.data.{name}.includes(params.colDef.field)" for name in ("agrees", "differs")}
OPTIONS: dict[str, Any] = {
    "theme": {"function": "themeQuartz"},
    "domLayout": "autoHeight",
    "rowHeight": ROW_PX,
    "headerHeight": HEAD_PX,
    # A page is short, so all of it is there, for whoever listens to it as well.
    "suppressColumnVirtualisation": True,
    "suppressRowVirtualisation": True,
    "suppressMovableColumns": True,
    "suppressCellFocus": False,
    "suppressNoRowsOverlay": True,
    "ensureDomOrder": True,
}


def grid(component_id: str) -> dash_ag_grid.AgGrid:
    """The grid, still without rows; the list comes in the API's order, so no column sorts a single page of it."""
    return dash_ag_grid.AgGrid(
        id=component_id,
        rowData=[],
        columnDefs=columns(()),
        getRowId="params.data.id",
        defaultColDef={"sortable": False, "resizable": True, "suppressHeaderMenuButton": True},
        dashGridOptions=OPTIONS,
        eventListeners={"cellKeyDown": ["openImage(params)"], "rowClicked": ["openImage(params)"]},
        className="sheet",
    )


def columns(models: Sequence[str]) -> list[dict[str, Any]]:
    """The columns; one for each model, in its colour."""
    return [
        _column("image", 84, cellRenderer="Thumbnail", pinned="left", resizable=False, maxWidth=84)
        | {"cellRendererParams": {"words": say("images.open")}},
        _column("consensus", 128, cellRenderer="Consensus"),
        _column("label", 104),
        _column("agreement", 96, type="rightAligned"),
        *(_of_model(number, model, figures.colour(model, models)) for number, model in enumerate(models)),
        _column("time", 168, cellRenderer="Moment"),
        _column("source", 104),
        _column("camera", 104),
    ]


def _column(field: str, width: int, **more: Any) -> dict[str, Any]:
    return {"field": field, "headerName": say(f"images.{field}"), "minWidth": width, "flex": width, **more}


def _of_model(number: int, model: str, colour: str) -> dict[str, Any]:
    head = {"headerName": model, "headerClass": "of-model", "headerStyle": {"--model": colour}}
    return {"field": f"model{number}", "minWidth": 140, "flex": 140, "cellClassRules": RULES, **head}


def row(race: Race, models: Sequence[str], view: View) -> dict[str, Any]:
    """One image; every value is what a person reads."""
    places = {f"model{number}": _said(race, model) for number, model in enumerate(models)}
    agreed = {
        place: answer.prediction == race.consensus for place, answer in places.items() if answer and race.consensus
    }
    return {
        "id": race.image_id,
        "url": view.url(open=race.image_id),
        "time": race.timestamp.isoformat(timespec="seconds"),
        "source": source_name(race.source),
        "camera": race.camera_id or NOTHING,
        "label": class_name(race.label) if race.label else NOTHING,
        "consensus": class_name(race.consensus) if race.consensus else NOTHING,
        "mark": elements(mark(race.consensus, race.label)),
        "agreement": percent(race.agreement),
        "agrees": [place for place, same in agreed.items() if same],
        "differs": [place for place, same in agreed.items() if not same],
        **{place: _words(answer) for place, answer in places.items()},
    }


def _said(race: Race, model: str) -> Answer | None:
    return next((answer for answer in race.answers if answer.model == model), None)


def _words(answer: Answer | None) -> str:
    return f"{class_name(answer.prediction)} {percent(answer.confidence)}" if answer else NOTHING
