"""The confusion matrix as a picture."""

from typing import Any

from training.evaluation import Evaluation

#: Above this share of the row the number is written in white.
DARK = 0.5


def confusion_picture(result: Evaluation) -> Any:
    """A Matplotlib figure: shares of each true class as colours, numbers of pictures as text."""
    from matplotlib.figure import Figure  # not pyplot: it looks for a screen and keeps what it drew

    shares = result.confusion / result.confusion.sum(axis=1, keepdims=True).clip(1)
    figure = Figure(figsize=(8, 7), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    places = range(len(result.labels))
    axes.set_xticks(places, result.labels, rotation=45, ha="right")
    axes.set_yticks(places, result.labels)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    low, high = result.accuracy.interval
    axes.set_title(f"Accuracy {result.accuracy.value:.2%} (95 %: {low:.2%} to {high:.2%})")
    for row in places:
        for column in places:
            colour = "white" if shares[row, column] > DARK else "black"
            number = str(result.confusion[row, column])
            axes.text(column, row, number, ha="center", va="center", color=colour, fontsize=8)
    return figure
