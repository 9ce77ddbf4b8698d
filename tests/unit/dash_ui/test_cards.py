from dataclasses import replace

from dash_ui.cards import race_card
from dash_ui.data import Race
from dash_ui.language import speaking
from tests.unit.dash_ui.pieces import having, text

MODELS = ["efficientnet", "mobilenet", "resnet50"]


def lane(race: Race, model: str, models: list[str] = MODELS, untrained: frozenset[str] = frozenset()) -> object:
    (found,) = having(race_card(race, models, untrained), class_="lane", data_model=model)
    return found


def test_every_model_has_a_lane_with_its_answer_and_times(race: Race) -> None:
    assert text(lane(race, "resnet50")) == "resnet50 inference 8.0 ms total 18.0 ms cat ✓ 80 %"


def test_badges_name_the_fastest_and_the_most_confident(race: Race) -> None:
    assert text(having(lane(race, "mobilenet"), class_="badge")) == "fastest"
    assert text(having(lane(race, "efficientnet"), class_="badge")) == "most confident"
    assert having(lane(race, "resnet50"), class_="badge") == []


def test_ticks_and_crosses_only_where_the_label_is_known(race: Race) -> None:
    assert [mark.title for mark in having(lane(race, "mobilenet"), class_="mark")] == ["wrong"]
    assert [mark.title for mark in having(lane(race, "resnet50"), class_="mark")] == ["right"]
    unlabelled = race_card(replace(race, label=None), MODELS, ())
    assert having(unlabelled, class_="mark") == []
    assert "not labelled" in text(unlabelled)


def test_the_consensus_comes_with_its_agreement(race: Race) -> None:
    (outcome,) = having(race_card(race, MODELS, ()), class_="outcome")
    assert text(outcome) == "Consensus cat ✓ 67 % agree (2 of 3) labelled cat"


def test_a_tied_vote_has_no_majority(race: Race) -> None:
    tied = replace(race, consensus=None, agreement=1 / 3)
    assert "no majority" in text(race_card(tied, MODELS, ()))
    assert "33 % agree (1 of 3)" in text(race_card(tied, MODELS, ()))


def test_untrained_is_said_in_so_many_words(race: Race) -> None:
    assert "untrained" not in text(race_card(race, MODELS, ()))
    assert "untrained" in text(lane(race, "resnet50", untrained=frozenset({"resnet50"})))
    answers = (replace(race.answers[0], trained=False), *race.answers[1:])
    assert "untrained" in text(lane(replace(race, answers=answers), "efficientnet"))


def test_an_answer_outside_the_lane_says_so(race: Race) -> None:
    answers = (replace(race.answers[0], bypassed=True), *race.answers[1:])
    assert "outside the lane" in text(lane(replace(race, answers=answers), "efficientnet"))


def test_a_model_that_gave_up_has_a_lane_that_says_where_the_image_is(race: Race) -> None:
    dead = replace(race, answers=race.answers[:2], dead=("resnet50",))
    assert "dead letters" in text(lane(dead, "resnet50"))


def test_a_model_that_was_behind_says_that_it_left_the_frame_out(race: Race) -> None:
    shed = replace(race, answers=race.answers[:2], shed=("resnet50",))
    assert "left this frame out" in text(lane(shed, "resnet50"))
    assert shed.models[-1] == "resnet50"


def test_missing_answers_are_awaited_and_then_missed(race: Race) -> None:
    part = replace(race, answers=race.answers[:2], complete=False)
    assert "no answer in time" in text(lane(part, "resnet50"))
    pending = replace(part, pending=True)
    assert "working …" in text(lane(pending, "resnet50"))
    assert "Waiting for the models" in text(race_card(pending, MODELS, ()))


def test_a_model_that_did_not_take_part_has_no_lane(race: Race) -> None:
    card = race_card(race, [*MODELS, "tiny"], ())
    assert having(card, data_model="tiny") == []


def test_the_thumbnail_flies_by_and_the_original_stays(race: Race) -> None:
    assert having(race_card(race, MODELS, ()), src=f"/thumb/{race.image_id}")
    assert having(race_card(race, MODELS, (), original=True), src=f"/original/{race.image_id}")


def test_a_label_is_text_whatever_it_says(race: Race) -> None:
    nasty = replace(race, label="<script>alert(1)</script>")
    assert "<script>alert(1)</script>" in text(race_card(nasty, MODELS, ()))


def test_in_spanish_the_whole_card_is_spanish(race: Race) -> None:
    with speaking("es"):
        card = race_card(race, MODELS, ())
    assert text(having(card, class_="outcome")) == "Consenso gato ✓ 67 % de acuerdo (2 de 3) etiqueta gato"
    assert (
        text(having(card, data_model="mobilenet"))
        == "mobilenet más rápido inferencia 2,0 ms total 12,0 ms perro ✗ 60 %"
    )
