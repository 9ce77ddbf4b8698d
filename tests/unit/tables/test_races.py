"""A race counts one outcome per model, is amended by what comes late, and says what it changed."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamapp.records import Verdict
from tables import races
from tables.changes import DEAD_LETTER, LABEL, PREDICTION, SHED, TICK
from tables.outcomes import Dead
from tables.race import Race
from tests.support.messages import predictions
from tests.unit.tables.samples import IMAGE, NOON, NOON_S, prediction

EXPECTED = frozenset({"mobilenet", "resnet50"})
START = NOON_S - 3
CAT, DOG = (("cat", 0.9), ("dog", 0.1)), (("dog", 0.8), ("cat", 0.2))


def figures(changes):
    return [(c.model, c.source, c.offset, c.predictions, c.errors, c.labelled, c.correct) for c in changes]


def totals(race):
    """Predictions, labelled and correct of each model and the ensemble, by all that its race has changed."""
    found = {}
    for change in race.journal:
        predictions, labelled, correct = found.get(change.model, (0, 0, 0))
        found[change.model] = (
            predictions + change.predictions,
            labelled + change.labelled,
            correct + change.correct,
        )
    return found


@pytest.fixture
def race():
    return Race(IMAGE, 3, NOON_S)


def answered(race, *, model="resnet50", offset=1, **fields):
    changes = race.add_prediction(prediction(model, **fields), offset, NOON_S)
    return changes + race.settle(EXPECTED, NOON_S, PREDICTION, offset)


def test_a_race_closes_when_every_model_has_answered(race):
    answered(race, model="resnet50", offset=1)
    assert (race.closed_at, race.revision) == (None, 0)
    answered(race, model="mobilenet", offset=2)
    assert (race.closed_at, race.complete, race.revision) == (NOON_S, True, 1)


def test_a_race_closes_when_the_others_have_given_up(race):
    answered(race)
    race.add_dead("mobilenet", Dead(7, START), NOON_S)
    race.settle(EXPECTED, NOON_S + 1, DEAD_LETTER, 7)
    verdict = races.verdict(race, EXPECTED, NOON_S + 1)
    assert (verdict.complete, verdict.answers, verdict.expected, verdict.dead) == (True, 1, 2, ["mobilenet"])


def test_a_due_race_closes_incomplete_and_a_late_answer_completes_it(race):
    answered(race)
    assert figures(race.settle(EXPECTED, NOON_S + 30, TICK, 0, due=True)) == [("ensemble", TICK, 0, 1, 0, 0, 0)]
    assert (race.closed_at, race.complete, race.revision) == (NOON_S + 30, False, 1)
    answered(race, model="mobilenet", offset=9)
    assert (race.closed_at, race.complete, race.revision) == (NOON_S + 30, True, 2)


def test_a_label_alone_is_no_race_to_close(race):
    race.set_label("cat", 0, 0.0)
    assert race.settle(EXPECTED, NOON_S, TICK, 0, due=True) == []
    assert race.closed_at is None


def test_the_deadline_counts_from_the_first_outcome(race):
    race.set_label("cat", 0, 0.0)
    race.add_prediction(prediction(), 1, NOON_S + 20)
    assert race.opened_at == NOON_S + 20


def test_only_the_first_answer_of_a_model_counts(race):
    answered(race, top_k=CAT, offset=1)
    assert race.add_prediction(prediction(top_k=DOG), 5, NOON_S) == []
    assert race.answers["resnet50"].prediction.prediction == "cat"


def test_an_answer_counts_its_label(race):
    assert figures(answered(race, top_k=CAT, label="cat")) == [
        ("resnet50", PREDICTION, 1, 1, 0, 0, 0),
        ("resnet50", PREDICTION, 1, 0, 0, 1, 1),
    ]
    wrong = answered(race, model="mobilenet", offset=2, top_k=DOG, label="cat")
    assert figures(wrong)[1] == ("mobilenet", PREDICTION, 2, 0, 0, 1, 0)


def test_untrained_answers_count_for_no_accuracy(race):
    answered(race, top_k=CAT, label="cat", trained=False)
    last = answered(race, model="mobilenet", offset=2, top_k=CAT, label="cat")
    assert sum(change.labelled for change in race.journal if change.model == "resnet50") == 0
    assert figures(last)[-1] == ("ensemble", PREDICTION, 2, 1, 0, 0, 0)


def test_a_label_replaces_the_one_before_and_amends_the_ensemble(race):
    answered(race, top_k=CAT, label="cat")
    answered(race, model="mobilenet", offset=2, top_k=DOG, label="cat")
    changes = race.set_label("dog", 0, 0.0) + race.settle(EXPECTED, NOON_S, LABEL, 0)
    assert figures(changes) == [
        ("resnet50", LABEL, 0, 0, 0, 0, -1),
        ("mobilenet", LABEL, 0, 0, 0, 0, 1),
        ("ensemble", LABEL, 0, 0, 0, 0, -1),
    ]
    assert race.set_label("cat", 0, 0.0) == [], "the same message again"
    assert race.label == "dog"


@pytest.mark.parametrize("came_with", [None, "cat"])
def test_a_label_that_is_taken_back_leaves_nothing_and_that_of_the_image_counts_again(race, came_with):
    answered(race, top_k=CAT, label=came_with)
    answered(race, model="mobilenet", offset=2, top_k=DOG, label=came_with)
    counted = totals(race)
    race.set_label("dog", 0, 0.0)
    race.settle(EXPECTED, NOON_S, LABEL, 0)
    assert totals(race)["mobilenet"] == (1, 1, 1)
    race.set_label(None, 1, 1.0)
    race.settle(EXPECTED, NOON_S, LABEL, 1)
    assert (race.label, totals(race)) == (came_with, counted)
    assert race.set_label("dog", 1, 1.0) == [], "the same offset again"


def test_a_label_that_is_taken_back_before_the_answers_come_counts_for_nothing(race):
    race.set_label("dog", 0, 0.0)
    race.set_label(None, 1, 1.0)
    answered(race, top_k=CAT, label="cat")
    assert (race.label, totals(race)["resnet50"]) == ("cat", (1, 1, 1))


def test_a_label_given_by_someone_stands_against_the_one_the_image_came_with(race):
    race.set_label("dog", 0, 0.0)
    answered(race, top_k=DOG, label="cat")
    assert (race.label, race.journal[-1].correct) == ("dog", 1)


def test_an_answer_after_a_dead_letter_takes_the_error_back(race):
    assert figures(race.add_dead("resnet50", Dead(3, START), NOON_S)) == [("resnet50", DEAD_LETTER, 3, 0, 1, 0, 0)]
    assert ("resnet50", PREDICTION, 1, 0, -1, 0, 0) in figures(answered(race))
    assert races.verdict(race, EXPECTED, NOON_S).dead == []


def test_a_dead_letter_after_an_answer_and_a_second_one_change_nothing(race):
    answered(race)
    assert race.add_dead("resnet50", Dead(3, START), NOON_S) == []
    race.add_dead("mobilenet", Dead(4, START), NOON_S)
    assert race.add_dead("mobilenet", Dead(5, START), NOON_S) == []


def test_a_frame_that_is_left_out_closes_the_race_and_is_no_error(race):
    answered(race, source="webcam", camera_id="door")
    changes = race.add_dead("mobilenet", Dead(7, START, shed=True, camera_id="door", source="webcam"), NOON_S)
    assert [(c.model, c.source, c.errors, c.shed) for c in changes] == [("mobilenet", SHED, 0, 1)]
    race.settle(EXPECTED, NOON_S + 1, SHED, 7)
    verdict = races.verdict(race, EXPECTED, NOON_S + 1)
    assert (verdict.complete, verdict.answers, verdict.dead, verdict.shed) == (True, 1, [], ["mobilenet"])


def test_an_answer_after_all_takes_the_place_of_a_frame_that_was_left_out(race):
    race.add_dead("resnet50", Dead(7, START, shed=True), NOON_S)
    changes = answered(race)
    assert [(c.errors, c.shed) for c in changes if c.shed] == [(0, -1)]
    assert races.verdict(race, EXPECTED, NOON_S).shed == []


def test_a_frame_that_every_model_left_out_is_known_to_be_a_cameras(race):
    for offset, model in enumerate(sorted(EXPECTED)):
        race.add_dead(model, Dead(offset, START, shed=True, camera_id="door", source="webcam"), NOON_S)
    race.settle(EXPECTED, NOON_S, SHED, 1)
    verdict = races.verdict(race, EXPECTED, NOON_S)
    assert (verdict.complete, verdict.answers, verdict.source, verdict.camera_id) == (True, 0, "webcam", "door")
    assert verdict.shed == sorted(EXPECTED)


def test_the_ensembles_bucket_is_that_of_the_last_answer_and_stays(race):
    answered(race, timestamp=NOON + timedelta(seconds=20))
    race.settle(EXPECTED, NOON_S + 30, TICK, 0, due=True)
    late = answered(race, model="mobilenet", offset=9, label="cat", timestamp=NOON + timedelta(seconds=90))
    assert [change.start for change in late if change.model == "ensemble"] == [START + 20]


def test_the_verdict_carries_everything(race):
    answered(race, model="resnet50", top_k=CAT, inference_ms=9.0, source="cifar10", camera_id="door", label="cat")
    answered(race, model="mobilenet", top_k=DOG, inference_ms=2.0, source="cifar10", camera_id="door", label="cat")
    verdict = races.verdict(race, EXPECTED, NOON_S + 1)
    assert (verdict.image_id, verdict.source, verdict.camera_id, verdict.label) == (IMAGE, "cifar10", "door", "cat")
    assert (verdict.fastest, verdict.most_confident, verdict.consensus) == ("mobilenet", "resnet50", None)
    assert (verdict.ensemble, verdict.ensemble_confidence) == ("cat", pytest.approx(0.55))
    assert (verdict.agreement, verdict.expected, verdict.answers, verdict.complete) == (0.5, 2, 2, True)
    assert [each.model for each in verdict.predictions] == ["mobilenet", "resnet50"]
    assert verdict.timestamp == NOON.replace(second=4)


def test_a_verdict_without_answers(race):
    for offset, model in enumerate(sorted(EXPECTED)):
        race.add_dead(model, Dead(offset, START), NOON_S)
    race.settle(EXPECTED, NOON_S, DEAD_LETTER, 1)
    verdict = races.verdict(race, EXPECTED, NOON_S)
    assert (verdict.complete, verdict.answers, verdict.ensemble, verdict.fastest) == (True, 0, None, None)
    assert (verdict.agreement, verdict.disagreement, verdict.source) == (0.0, 0.0, "upload")


def whole_race():
    race = Race(IMAGE, 3, NOON_S)
    race.add_dead("mobilenet", Dead(4, START), NOON_S)
    answered(race, model="mobilenet", offset=2, label="cat")
    answered(race, camera_id="línea\n2", label="cat")
    race.add_dead("efficientnet", Dead(8, START), NOON_S)
    race.add_dead("tiny", Dead(1, START, shed=True, camera_id="door", source="webcam"), NOON_S)
    race.set_label("dog", 6, 6.0)
    race.settle(EXPECTED, NOON_S + 2, LABEL, 6)
    race.published = 1
    return race


def test_bytes_keep_everything():
    race = whole_race()
    assert races.from_bytes(race.key, races.to_bytes(race)) == race
    empty = Race(IMAGE, 3, NOON_S)
    assert races.from_bytes(empty.key, races.to_bytes(empty)) == empty


@given(st.lists(predictions, max_size=3), st.lists(st.tuples(st.text(max_size=9), st.integers(0, 2**40)), max_size=3))
def test_whatever_a_message_says_the_race_can_be_kept_and_judged(answers, letters):
    race = Race(IMAGE, 3, NOON_S)
    for offset, answer in enumerate(answers):
        race.add_prediction(answer, offset, NOON_S)
    for model, start in letters:
        race.add_dead(model, Dead(5, start), NOON_S)
    race.settle(EXPECTED, NOON_S, TICK, 0, due=True)
    assert races.from_bytes(race.key, races.to_bytes(race)) == race
    verdict = races.verdict(race, EXPECTED, NOON_S)
    assert Verdict.decode(verdict.encode()) == verdict


def test_the_outline_says_what_a_recovery_asks():
    race = whole_race()
    outline = races.outline(races.to_bytes(race))
    assert (outline.partition, outline.opened_at, outline.closed_at) == (3, NOON_S, NOON_S)
    assert (outline.owes_verdict, outline.has_outcome) == (True, True)
    assert outline.journal == [change._replace(prediction=None) for change in race.journal]
    race.published = race.revision
    assert not races.outline(races.to_bytes(race)).owes_verdict
    assert not races.outline(races.to_bytes(Race(IMAGE, 3, NOON_S))).has_outcome


def test_a_race_of_three_models_is_under_a_kilobyte():
    race = Race(IMAGE, 3, NOON_S)
    top_k = [(name, 0.1) for name in ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship")]
    for offset, model in enumerate(("efficientnet", "mobilenet", "resnet50")):
        answered(race, model=model, offset=offset, top_k=top_k, label="cat")
    assert len(races.to_bytes(race)) < 1000
