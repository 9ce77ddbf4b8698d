"""What the models made of an image: the newest of what the database and the topics say."""

from streamapp.records import Prediction, Verdict


def predictions(stored: list[Prediction], live: Verdict | None) -> list[Prediction]:
    """Those of the database, or of the live verdict where it has more."""
    return live.predictions if live is not None and len(live.predictions) > len(stored) else stored


def verdict(stored: Verdict | None, live: Verdict | None) -> Verdict | None:
    """The one of the most answers, the live one where both have as many; its `predictions` are left out."""
    if live is None or (stored is not None and stored.answers > live.answers):
        return stored
    return live.model_copy(update={"predictions": []})
