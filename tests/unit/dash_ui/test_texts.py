import pytest

from dash_ui import texts
from dash_ui.language import speaking


@pytest.mark.parametrize(
    ("seconds", "english", "spanish"),
    [
        (-5, "just now", "ahora mismo"),
        (1.9, "just now", "ahora mismo"),
        (2, "2 s ago", "hace 2 s"),
        (61, "1 min ago", "hace 1 min"),
        (7300, "2 h ago", "hace 2 h"),
        (200_000, "2 d ago", "hace 2 d"),
    ],
)
def test_ages(seconds: float, english: str, spanish: str) -> None:
    assert texts.age(seconds) == english
    with speaking("es"):
        assert texts.age(seconds) == spanish


def test_numbers_are_written_as_the_language_writes_them() -> None:
    assert (texts.ms(None), texts.ms(0), texts.ms(-0.01), texts.ms(12345.67)) == ("–", "0.0", "0.0", "12,345.7")
    assert (texts.percent(None), texts.percent(0.666), texts.percent(0.5, 1)) == ("–", "67\u00a0%", "50.0\u00a0%")
    assert (texts.size(None), texts.size(100), texts.size(3 * 2**20)) == ("–", "100\u00a0B", "3.0\u00a0MB")
    with speaking("es"):
        assert (texts.ms(12345.67), texts.percent(0.5, 1), texts.count(1_000_000)) == (
            "12.345,7",
            "50,0\u00a0%",
            "1.000.000",
        )


def test_lists_and_names() -> None:
    assert texts.listing(["a"]) == "a"
    assert texts.listing(["a", "b"]) == "a and b"
    with speaking("es"):
        assert texts.listing(["a", "b", "c"]) == "a, b y c"
        assert texts.class_name("cat") == "gato"
    assert texts.class_name("tabby cat") == "tabby cat"
    assert texts.source_name("cifar10") == "CIFAR-10"
