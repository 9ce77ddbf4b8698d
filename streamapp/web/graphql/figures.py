"""What is answered about the platform: models, statistics, the ledger, and what became of labels and dead letters."""

from collections.abc import Iterable

import strawberry

from streamapp import ledger
from streamapp.web import dead_letters, labels, roster, stats
from streamapp.web.graphql.kinds import Count, field, of


@of(stats.Stats, whole=Count)
class Stats:
    """The figures of all models."""


@of(roster.ShownModel)
class Model:
    """A model for a reader: the newest word of it, and every worker's own."""


@strawberry.type(description="Messages that a consumer group has not done yet.")
class Lag:
    """Messages that a consumer group has not done yet."""

    group: str
    messages: Count


@strawberry.type(description="How many images a model has in a replay, by what became of them.")
class Replayed:
    """How many images a model has in a replay."""

    run: str
    model: str
    outcome: str
    images: Count


@of(ledger.Ledger, without=("lags", "replays"), whole=Count)
class Ledger:
    """Is every accepted image accounted for? `adds_up` is null while something moves."""

    @field()
    def lags(self, root: ledger.Ledger) -> list[Lag]:
        """What each consumer group has not done yet."""
        return [Lag(group=group, messages=Count(messages)) for group, messages in root.lags.items()]

    @field()
    def replays(self, root: ledger.Ledger) -> list[Replayed]:
        """What became of the images of each replay."""
        return list(_replayed(root))


def _replayed(whole: ledger.Ledger) -> Iterable[Replayed]:
    for run, models in whole.replays.items():
        for model, outcomes in models.items():
            for outcome, images in outcomes.items():
                yield Replayed(run=run, model=model, outcome=outcome, images=Count(images))


@of(labels.LabelResult)
class LabelResult:
    """What became of one label: status 200 with the label, or 404 or 422 with what is wrong."""


@of(labels.Withdrawn)
class Withdrawn:
    """An image whose given label is taken back; `changed`: it had one."""


@of(dead_letters.ShownLetter, whole=Count)
class DeadLetter:
    """A dead letter with the original message's value in base64, and as text where it is text."""
