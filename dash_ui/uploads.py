"""The files that somebody sends: a line for each with its picture, how far it is, and what became of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from dash import html

from dash_ui import controls, notices
from dash_ui.language import say
from dash_ui.texts import count, percent
from dash_ui.view import link

File = Mapping[str, Any]
#: Of many files the newest so many are shown.
SHOWN = 30


def box(files: Sequence[File]) -> list[html.Div]:
    """All files of one drop or choice; nothing where there are none."""
    if not files:
        return []
    label = {"data-dismiss": "uploads", "aria-label": say("upload.dismiss")}
    close = html.Button("×", className="close", type="button", **label)
    # What was refused comes first: it is what somebody has to read.
    listed = sorted(files, key=lambda file: file["state"] != "refused")[:SHOWN]
    lines = html.Div([_line(file) for file in listed], className="upload-list")
    head = [_summary(files), close] if len(files) > 1 else [close]
    return [html.Div([*head, lines], className="upload-box")]


def _summary(files: Sequence[File]) -> html.Div:
    """How many are done, when there are several."""
    done = sum(file["state"] != "sending" for file in files)
    refused = sum(file["state"] == "refused" for file in files)
    words = say("upload.done", done=count(done), all=count(len(files)))
    more = say("upload.some_refused", n=refused, number=count(refused)) if refused else ""
    bar = controls.progress(sum(_share(file) for file in files) / len(files))
    return html.Div([html.Span([html.B(words), " ", more]), bar], className="upload-summary", role="status")


def _share(file: File) -> float:
    return float(file.get("sent") or 0) if file["state"] == "sending" else 1.0


def _line(file: File) -> html.Div:
    state = str(file["state"])
    picture = [html.Img(src=str(file["preview"]), alt="")] if file.get("preview") else [html.I(className="no-preview")]
    words: list[Any] = [html.B(str(file["name"]))]
    if state == "sending":
        words += [html.Span(say("upload.sending", share=percent(_share(file)))), controls.progress(_share(file))]
    elif state == "accepted":
        url = link("live", pin=str(file["image_id"]))
        words += [html.Span(say("upload.accepted")), html.A(say("upload.show"), href=url, className="linklike")]
    else:
        words.append(html.Span(say("upload.refused", why=_why(file))))
    return html.Div([*picture, html.Div(words)], className=f"upload {state}", key=str(file["id"]))


def _why(file: File) -> str:
    """Why it was refused: in the reader's language where the catalogue has the problem, else as the API says."""
    name = str(file.get("problem") or "").rpartition(":")[2]
    return notices.problem(name, str(file.get("message") or name))
