"""The filters of the fake API's list of images, as the API has them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

SAME = {"source": "source", "camera": "camera_id", "label": "label", "consensus": "consensus"}

SEARCHED = ("image_id", "source", "camera_id", "label", "consensus")


def fits(race: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    """Whether an image belongs into the list that a request asks for."""
    made = datetime.fromisoformat(race["timestamp"])
    return all(
        [
            *(race.get(field) == query[name] for name, field in SAME.items() if name in query),
            "since" not in query or made >= datetime.fromisoformat(query["since"]),
            "until" not in query or made < datetime.fromisoformat(query["until"]),
            "labelled" not in query or bool(race["label"]) == (query["labelled"] == "true"),
            race["disagreement"] >= float(query.get("disagreement", 0)),
            any(str(race.get(field) or "").lower().startswith(query.get("q", "").lower()) for field in SEARCHED),
        ]
    )
