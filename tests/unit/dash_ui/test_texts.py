import pytest

from dash_ui import texts


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "just now"), (1.9, "just now"), (2, "2 s ago"), (61, "1 min ago"), (7300, "2 h ago"), (200_000, "2 d ago")],
)
def test_ages(seconds: float, words: str) -> None:
    assert texts.age(seconds) == words


def test_numbers() -> None:
    assert (texts.ms(None), texts.ms(0), texts.ms(1234.56)) == ("–", "0.0", "1,234.6")
    assert (texts.percent(None), texts.percent(0.666), texts.percent(0.5, 1)) == ("–", "67 %", "50.0 %")
    assert texts.listing(["a"]) == "a"
    assert texts.listing(["a", "b", "c"]) == "a, b and c"
