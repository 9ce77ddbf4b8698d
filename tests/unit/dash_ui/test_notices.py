from dash_ui import notices
from dash_ui.board import Link
from dash_ui.client import ApiDown, ApiProblem
from dash_ui.language import speaking
from tests.unit.dash_ui.pieces import text


def test_the_banner_names_the_api_and_keeps_the_last_data() -> None:
    words = text(notices.banner(Link("down", "refused"), "http://127.0.0.1:8001", 42))
    assert "The API at http://127.0.0.1:8001 does not answer." in words
    assert "Showing the last data, from 42 s ago." in words


def test_no_banner_while_things_are_well_or_just_interrupted() -> None:
    for state in ("connecting", "live", "reconnecting"):
        assert notices.banner(Link(state), "http://x", 1) == []  # type: ignore[arg-type]


def test_without_any_data_the_banner_does_not_promise_some() -> None:
    assert "There is no data yet." in text(notices.banner(Link("down"), "http://x", None))


def test_one_and_many_untrained_models() -> None:
    assert notices.untrained_note([]) == []
    assert text(notices.untrained_note(["a"])).startswith("a is untrained")
    assert text(notices.untrained_note(["a", "b"])).startswith("a and b are untrained")


def test_a_model_that_keeps_its_old_version_says_why() -> None:
    assert text(notices.reload_notes({"resnet50": "no such file"})) == (
        "resnet50 goes on with its old version, because the new one could not be loaded: no such file"
    )
    assert notices.reload_notes({}) == []


def test_a_refusal_is_told_in_the_readers_language_where_it_is_known() -> None:
    with speaking("es"):
        assert notices.why(ApiProblem(503, "x", "y", "store-unavailable")).startswith("un almacén no responde")
        assert notices.why(ApiProblem(418, "Teapot", "", "teapot")) == "Teapot"
        assert notices.why(ApiDown("refused")).startswith("la API no responde")


def test_the_empty_page_says_how_to_fill_it() -> None:
    assert "streamapp produce cifar10" in text(notices.waiting(down=False))
    assert "Waiting for the first image" in text(notices.waiting(down=False))
