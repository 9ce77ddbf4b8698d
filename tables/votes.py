"""What several models say together about one image."""

from collections import Counter
from collections.abc import Sequence
from math import log2

from streamapp.records import Prediction


def fastest(predictions: Sequence[Prediction]) -> str | None:
    """The model with the smallest inference time, of those that ran in the lane; of equals the first by name."""
    compared = [answer for answer in predictions if answer.lane != "bypassed"]
    return min(compared, key=lambda answer: (answer.inference_ms, answer.model)).model if compared else None


def most_confident(predictions: Sequence[Prediction]) -> str | None:
    """The model with the highest confidence; of equals the first by name."""
    return min(predictions, key=lambda answer: (-answer.confidence, answer.model)).model if predictions else None


def consensus(predictions: Sequence[Prediction]) -> tuple[str | None, float]:
    """The class with strictly the most votes (none when tied), and the leading class's share of the votes, 0 to 1."""
    if not predictions:
        return None, 0.0
    (leader, votes), *others = Counter(answer.prediction for answer in predictions).most_common(2)
    tied = bool(others) and others[0][1] == votes
    return (None if tied else leader), votes / len(predictions)


def ensemble(predictions: Sequence[Prediction]) -> tuple[str | None, float | None]:
    """The class with the highest mean probability, and that mean; of equals the first by name.

    A class that is missing from a model's `top_k` counts with probability 0 there.
    """
    sums: dict[str, float] = {}
    for answer in sorted(predictions, key=lambda answer: answer.model):  # a sum of floats depends on its order
        for label, probability in _probabilities(answer):
            sums[label] = sums.get(label, 0.0) + probability
    if not sums:
        return None, None
    best = min(sums, key=lambda label: (-sums[label], label))
    return best, sums[best] / len(predictions)


def disagreement(predictions: Sequence[Prediction]) -> float:
    """Generalised Jensen-Shannon divergence of the models' answers with equal weights, from 0 (same) to 1.

    Lin: "Divergence measures based on the Shannon entropy", IEEE Transactions on Information Theory 37(1), 1991,
    equation 5.1: the entropy of the mean distribution less the mean of the entropies. It is at most log2 of the
    number of models, and of the number of classes, by the smaller of which it is divided. Each `top_k` is scaled to
    the sum 1.
    """
    distributions = [_scaled(answer) for answer in sorted(predictions, key=lambda answer: answer.model)]
    classes = {label for distribution in distributions for label in distribution}
    most = min(len(distributions), len(classes))
    if most < 2:
        return 0.0
    mean = [sum(each.get(label, 0.0) for each in distributions) / len(distributions) for label in sorted(classes)]
    divergence = _entropy(mean) - sum(_entropy(list(each.values())) for each in distributions) / len(distributions)
    return min(1.0, max(0.0, divergence / log2(most)))


def _scaled(answer: Prediction) -> dict[str, float]:
    probabilities = _probabilities(answer)
    whole = sum(probability for _, probability in probabilities)
    return {label: probability / whole for label, probability in probabilities} if whole > 0 else {}


def _probabilities(answer: Prediction) -> list[tuple[str, float]]:
    """Its `top_k` between 0 and 1, though a message may say anything."""
    return [(label, 0.0 if p < 0 else 1.0 if p > 1 else p) for label, p in answer.top_k]


def _entropy(probabilities: Sequence[float]) -> float:
    """In bits."""
    return -sum(p * log2(p) for p in probabilities if p > 0)
