"""How `streamapp predict` shows an image's answers on a terminal."""

from typing import Any

from rich.table import Table


def table(title: str, answer: dict[str, Any]) -> Table:
    """The models' answers side by side, as `GET /api/v1/images/{id}` gives them."""
    shown = Table(title=title, title_justify="left")
    shown.add_column("model")
    shown.add_column("answer")
    for column in ("confidence", "inference ms", "total ms"):
        shown.add_column(column, justify="right")
    for prediction in answer["predictions"]:
        weights = "" if prediction["trained"] else " (untrained)"
        shown.add_row(
            prediction["model"] + weights,
            prediction["prediction"],
            f"{prediction['confidence']:.1%}",
            f"{prediction['inference_ms']:.1f}",
            f"{prediction['total_ms']:.1f}",
        )
    for model in answer["verdict"]["dead"]:
        shown.add_row(model, "no answer: sent to the dead letters", "", "", "")
    return shown


def verdict_line(verdict: dict[str, Any]) -> str:
    """The verdict in one sentence."""
    answers, expected = verdict["answers"], verdict["expected"]
    if not answers:
        return f"verdict: none of {expected} models answered"
    said = verdict["consensus"] or "no consensus"
    votes = f"{round(verdict['agreement'] * answers)} of {answers} agree"
    parts = [f"verdict: {said} ({votes})", f"ensemble {verdict['ensemble']} {verdict['ensemble_confidence']:.1%}"]
    parts += [f"fastest {verdict['fastest']}"] if verdict["fastest"] else []
    parts += [f"most confident {verdict['most_confident']}"] if verdict["most_confident"] else []
    parts += [f"only {answers} of {expected} models answered"] if answers < expected else []
    return ", ".join(parts)
