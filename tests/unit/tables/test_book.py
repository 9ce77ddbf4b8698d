"""The tables together: deadlines, expiry, and the same figures whatever the order, the replays and the crashes."""

import random
from collections import Counter
from datetime import timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from streamapp.records import DeadLetter, LabelMessage, Prediction, base64_text
from tables import races
from tables.book import Book
from tables.buckets import KEEP_BUCKET_S, Bucket, bucket_start
from tables.race import KEEP_RACE_S
from tables.recovery import recover
from tables.totals import Total
from tests.contract.examples import image as sent
from tests.support import messages
from tests.unit.tables.samples import IMAGE, NOON, NOON_S, Kept, book, dead_letter, keep, label, prediction, shed

LATER = 1e12
MODELS = ("efficientnet", "mobilenet", "resnet50")


def answer_all(tables, now=NOON_S, **fields):
    for offset, model in enumerate(MODELS):
        tables.predicted(prediction(model, **fields), 3, offset, now)


def race_of(tables):
    return tables.races.get(str(IMAGE))


# -- one message -----------------------------------------------------------------------------------


def test_a_whole_race_owes_one_verdict_and_is_counted():
    tables = book()
    answer_all(tables, label="cat")
    assert list(tables.owing) == [str(IMAGE)]
    start = bucket_start(NOON)
    assert set(tables.changed) == {
        *(f"bucket|{model}:3:{start}" for model in (*MODELS, "ensemble")),
        *(f"total|{model}:3" for model in MODELS),
    }
    ensemble = tables.buckets.get(f"ensemble:3:{start}")
    assert (ensemble.predictions, ensemble.labelled, ensemble.correct) == (1, 1, 1)
    tables.published(str(IMAGE), 1, NOON_S)
    assert not tables.owing


def test_a_verdict_amended_while_it_was_published_is_owed_again():
    tables = book()
    answer_all(tables)
    tables.labelled(label("dog"), 3, 0, NOON_S + 1)
    tables.published(str(IMAGE), 1, NOON_S + 1)
    assert (race_of(tables).revision, list(tables.owing)) == (2, [str(IMAGE)])


def test_results_say_what_became_of_a_message():
    tables = book()
    assert tables.predicted(prediction(), 3, 5, NOON_S) == "counted"
    assert tables.predicted(prediction(), 3, 5, NOON_S) == "replay"
    assert tables.predicted(prediction(), 3, 6, NOON_S) == "duplicate"
    assert tables.predicted(prediction(run_id="again"), 3, 7, NOON_S) == "other"
    assert tables.gave_up(dead_letter(), 3, 0, NOON_S) == "duplicate"
    assert tables.gave_up(dead_letter("mobilenet"), 3, 1, NOON_S) == "counted"
    assert tables.gave_up(dead_letter("mobilenet"), 3, 1, NOON_S) == "replay"
    assert tables.gave_up(dead_letter("mobilenet"), 3, 2, NOON_S) == "duplicate"
    assert tables.gave_up(dead_letter(image_id=None), 3, 3, NOON_S) == "other"
    assert tables.gave_up(dead_letter(None, group="streamapp-stats"), 3, 4, NOON_S) == "other"
    assert tables.labelled(label("dog"), 3, 0, NOON_S) == "counted"
    assert tables.labelled(label("dog"), 3, 0, NOON_S) == "replay"


def test_the_same_label_again_is_no_new_verdict():
    tables = book()
    answer_all(tables, label="cat")
    tables.labelled(label("cat"), 3, 0, NOON_S + 1)
    assert race_of(tables).revision == 1


def test_of_two_labels_the_one_that_was_given_later_counts_whichever_was_published_later():
    tables = book()
    answer_all(tables, label="cat")
    tables.labelled(label("dog", timestamp=NOON + timedelta(seconds=2)), 3, 0, NOON_S + 3)
    assert tables.labelled(label("frog", timestamp=NOON + timedelta(seconds=1)), 3, 1, NOON_S + 3) == "counted"
    assert (race_of(tables).label, race_of(tables).label_offset) == ("dog", 1)
    tables.labelled(label("bird", by="zoe", timestamp=NOON + timedelta(seconds=2)), 3, 2, NOON_S + 3)
    assert race_of(tables).label == "dog", "at the same moment the first name counts, as in PostgreSQL"
    tables.labelled(label("bird", by="abe", timestamp=NOON + timedelta(seconds=2)), 3, 3, NOON_S + 3)
    assert race_of(tables).label == "bird"


def test_a_label_before_the_answers_counts_with_them():
    tables = book()
    tables.labelled(label("cat"), 3, 0, NOON_S)
    assert not tables.owing
    answer_all(tables)
    assert tables.buckets.get(f"resnet50:3:{bucket_start(NOON)}").labelled == 1


def test_an_answer_older_than_the_buckets_counts_in_the_total_only():
    tables = book()
    tables.predicted(prediction(), 3, 0, NOON_S + KEEP_BUCKET_S + 10)
    assert set(tables.changed) == {"total|resnet50:3"}


def test_a_message_on_the_wrong_partition_touches_no_race():
    tables = book()
    tables.predicted(prediction(), 3, 0, NOON_S)
    assert tables.labelled(label("dog"), 4, 0, NOON_S) == "other"
    assert tables.predicted(prediction("mobilenet"), 4, 0, NOON_S) == "other"
    assert tables.gave_up(dead_letter("mobilenet"), 4, 0, NOON_S) == "other"
    assert (list(race_of(tables).answers), race_of(tables).dead, race_of(tables).label) == (["resnet50"], {}, None)


# -- time ------------------------------------------------------------------------------------------


def test_a_race_is_closed_by_a_tick_after_its_deadline():
    tables = book(deadline_s=30)
    tables.predicted(prediction(), 3, 0, NOON_S)
    assert not tables.schedule.is_due(3, NOON_S + 29)
    assert tables.schedule.is_due(3, NOON_S + 30)
    assert not tables.schedule.is_due(2, NOON_S + 30)
    tables.tick(3, 0, NOON_S + 30)
    assert (race_of(tables).closed_at, race_of(tables).complete) == (NOON_S + 30, False)
    assert not tables.schedule.is_due(3, NOON_S + 31)


def test_a_closed_race_needs_no_tick_until_its_end():
    tables = book()
    answer_all(tables)
    assert not tables.schedule.is_due(3, NOON_S + 31)
    assert not tables.schedule.is_due(3, NOON_S + KEEP_RACE_S - 1)
    tables.tick(3, 0, NOON_S + KEEP_RACE_S + 10)
    assert race_of(tables) is None
    assert tables.unclaimed == 0


def test_a_single_models_race_ends_too():
    tables = book(expected=("resnet50",))
    tables.predicted(prediction(), 3, 0, NOON_S)
    tables.tick(3, 0, NOON_S + KEEP_RACE_S + 10)
    assert race_of(tables) is None


def test_one_tick_closes_many_races_and_counts_all():
    tables = book()
    images = [UUID(int=n) for n in range(5)]
    for offset, image_id in enumerate(images):
        tables.predicted(prediction(image_id=image_id, label="cat"), 3, offset, NOON_S)
    tables.tick(3, 0, NOON_S + 30)
    ensemble = tables.buckets.get(f"ensemble:3:{bucket_start(NOON)}")
    assert (ensemble.predictions, ensemble.labelled) == (5, 5)


def test_buckets_end_with_a_tombstone():
    tables = book()
    answer_all(tables)
    tables.changed.clear()
    key = f"resnet50:3:{bucket_start(NOON)}"
    tables.tick(3, 0, bucket_start(NOON) + KEEP_BUCKET_S)
    assert tables.changed[f"bucket|{key}"] == 3
    assert tables.buckets.encoded(key) is None
    assert tables.totals.get("resnet50:3").predictions == 1


def test_a_label_whose_image_never_came_is_counted_and_dropped():
    tables = book()
    tables.labelled(label("cat"), 3, 0, NOON_S)
    tables.tick(3, 0, NOON_S + 40)
    assert race_of(tables).label == "cat"
    tables.tick(3, 1, NOON_S + KEEP_RACE_S + 10)
    assert (race_of(tables), tables.unclaimed) == (None, 1)


# -- recovery --------------------------------------------------------------------------------------


def write(shelf):
    keep(shelf, shelf.take(LATER))


def restarted(kept, owned=frozenset({3}), committed=(99,) * 5, now=NOON_S):
    tables = book(kept)
    offsets = {(3, source): offset for source, offset in zip("pdlts", committed, strict=True)}
    for _ in recover(tables, owned, offsets, now):
        pass
    return tables


def test_buckets_and_totals_follow_from_the_races():
    kept = Kept(), Kept(), Kept()
    first = book(kept)
    answer_all(first, label="cat")
    first.labelled(label("dog"), 3, 0, NOON_S)
    write(first.races)
    second = restarted(kept)
    key = f"resnet50:3:{bucket_start(NOON)}"
    assert second.buckets.get(key) == first.buckets.get(key)
    assert second.totals.get("resnet50:3") == first.totals.get("resnet50:3")
    assert list(second.owing) == [str(IMAGE)]
    assert set(second.changed) == set(first.changed)


def test_what_will_be_read_again_is_counted_then():
    kept = Kept(), Kept(), Kept()
    first = book(kept)
    answer_all(first)
    write(first.races)
    second = restarted(kept, committed=(1, 0, 0, 0, 0))
    assert {key for key in second.changed if key.startswith("total")} == {"total|efficientnet:3"}
    assert second.predicted(prediction("mobilenet"), 3, 1, NOON_S) == "replay"
    assert second.totals.get("mobilenet:3") == first.totals.get("mobilenet:3")


def test_deadlines_survive():
    kept = Kept(), Kept(), Kept()
    first = book(kept)
    first.predicted(prediction(), 3, 0, NOON_S)
    write(first.races)
    second = restarted(kept)
    assert second.schedule.is_due(3, NOON_S + 30)
    assert not second.schedule.is_due(3, NOON_S + 29)


def test_other_workers_partitions_are_forgotten():
    kept = Kept(), Kept(), Kept()
    first = book(kept)
    answer_all(first)
    for shelf in (first.races, first.buckets, first.totals):
        write(shelf)
    second = restarted(kept, owned=frozenset({2}))
    assert all(not each for each in kept)
    assert not second.changed
    assert not second.owing


def test_a_bucket_that_has_ended_does_not_come_back():
    kept = Kept(), Kept(), Kept()
    first = book(kept)
    answer_all(first)
    write(first.races)
    second = restarted(kept, now=NOON_S + KEEP_BUCKET_S + 10)
    assert set(second.changed) == {f"total|{model}:3" for model in MODELS}


anything = st.lists(
    st.one_of(
        messages.predictions.map(lambda p: p.model_copy(update={"image_id": IMAGE, "run_id": "live"})),
        messages.others.map(lambda m: m.model_copy(update={"image_id": IMAGE}) if hasattr(m, "image_id") else m),
    ),
    max_size=6,
)


@given(anything)
def test_no_message_that_can_be_decoded_breaks_the_tables(received):
    kept = Kept(), Kept(), Kept()
    tables = book(kept)
    for offset, message in enumerate(received):
        match message:
            case Prediction():
                tables.predicted(message, 3, offset, NOON_S)
            case DeadLetter():
                tables.gave_up(message, 3, offset, NOON_S)
            case LabelMessage():
                tables.labelled(message, 3, offset, NOON_S)
            case _:
                tables.tick(3, offset, NOON_S)
    figures = {key: tables.buckets.encoded(key.removeprefix("bucket|")) for key in tables.changed}
    write(tables.races)
    second = restarted(kept, now=NOON_S)
    assert {key: second.buckets.encoded(key.removeprefix("bucket|")) for key in second.changed} == figures


# -- frames that are left out, retries, replays ------------------------------------------------------


def test_a_frame_that_a_model_left_out_is_counted_and_closes_the_race():
    tables = book()
    for offset, model in enumerate(MODELS[:2]):
        tables.predicted(prediction(model, source="webcam"), 3, offset, NOON_S)
    assert not tables.owing
    assert tables.left_out(shed("resnet50"), 3, 0, NOON_S) == "counted"
    assert list(tables.owing) == [str(IMAGE)], "nobody waits for the deadline"
    assert tables.totals.get("resnet50:3").figures() == {"predictions": 0, "errors": 0, "shed": 1}
    assert tables.left_out(shed("resnet50"), 3, 0, NOON_S) == "replay"
    assert tables.left_out(shed("resnet50"), 3, 1, NOON_S) == "duplicate"


def test_that_an_image_was_given_up_takes_the_place_of_that_it_was_left_out():
    tables = book()
    assert tables.left_out(shed(), 3, 7, NOON_S) == "counted"
    assert tables.gave_up(dead_letter(), 3, 7, NOON_S) == "counted"
    assert tables.left_out(shed(), 3, 8, NOON_S) == "duplicate"
    assert tables.totals.get("resnet50:3").figures() == {"predictions": 0, "errors": 1, "shed": 0}


def test_the_rest_of_a_race_that_is_not_kept_any_more_is_counted_and_makes_no_second_verdict():
    tables, age_ms = book(), 1000 * (KEEP_RACE_S + 60)
    assert tables.predicted(prediction(total_ms=age_ms), 3, 0, NOON_S) == "counted"
    tables.tick(3, 0, NOON_S + 31)
    assert (race_of(tables).closed_at, list(tables.owing)) == (None, [])
    assert not tables.schedule.is_due(3, NOON_S + KEEP_RACE_S - 1)
    tables.tick(3, 1, NOON_S + KEEP_RACE_S + 10)
    assert (race_of(tables), list(tables.owing), tables.unclaimed) == (None, [], 0)
    assert tables.totals.get("resnet50:3").figures() == {"predictions": 1, "errors": 0, "shed": 0}
    assert tables.buckets.get(f"ensemble:3:{bucket_start(NOON)}") is None


def test_an_image_that_every_model_gave_up_is_known_by_its_letters():
    tables, image = book(), sent(IMAGE, source="webcam", camera_id="door", label="cat")
    for offset, model in enumerate(MODELS):
        letter = dead_letter(model, image.image_id, value=base64_text(image.encode()))
        tables.gave_up(letter, 3, offset, NOON_S)
    tables.labelled(label("dog", image.image_id), 3, 0, NOON_S)
    tables.labelled(label(None, image.image_id, timestamp=NOON + timedelta(seconds=1)), 3, 1, NOON_S)
    said = races.verdict(tables.races.get(str(image.image_id)), set(MODELS), NOON_S)
    assert (said.complete, said.source, said.camera_id, said.label) == (True, "webcam", "door", "cat")


def test_an_image_that_every_model_comes_to_late_has_its_verdict():
    tables = book()
    answer_all(tables, total_ms=1000 * (KEEP_RACE_S + 60))
    assert list(tables.owing) == [str(IMAGE)]
    assert race_of(tables).complete


def test_how_late_a_race_began_survives():
    kept = Kept(), Kept(), Kept()
    tables = book(kept)
    tables.predicted(prediction(total_ms=1000 * (KEEP_RACE_S + 60)), 3, 0, NOON_S)
    write(tables.races)
    again = restarted(kept)
    assert not again.schedule.is_due(3, NOON_S + 31)
    assert again.races.get(str(IMAGE)).late


def test_replays_touch_no_figure():
    tables = book()
    answer_all(tables)
    before = (
        {key: tables.buckets.encoded(key.removeprefix("bucket|")) for key in tables.changed},
        race_of(tables).journal,
    )
    for offset, model in enumerate(MODELS):
        assert tables.predicted(prediction(model, run_id="audit"), 3, 50 + offset, NOON_S) == "other"
        assert tables.gave_up(dead_letter(model, run_id="audit"), 3, 50 + offset, NOON_S) == "other"
        assert tables.left_out(shed(model, run_id="audit"), 3, 50 + offset, NOON_S) == "other"
    after = (
        {key: tables.buckets.encoded(key.removeprefix("bucket|")) for key in tables.changed},
        race_of(tables).journal,
    )
    assert after == before


def test_a_retry_amends_the_verdict_of_a_race_that_is_still_kept():
    tables = book()
    for offset, model in enumerate(MODELS[:2]):
        tables.predicted(prediction(model), 3, offset, NOON_S)
    tables.gave_up(dead_letter("resnet50"), 3, 0, NOON_S)
    tables.published(str(IMAGE), 1, NOON_S)
    at = NOON + timedelta(seconds=KEEP_RACE_S - 60)
    retried = prediction("resnet50", timestamp=at, amends=NOON)
    assert tables.predicted(retried, 3, 9, at.timestamp()) == "counted"
    assert list(tables.owing) == [str(IMAGE)]
    assert races.verdict(race_of(tables), tables.expected, NOON_S).answers == 3
    assert tables.totals.get("resnet50:3").figures() == {"predictions": 1, "errors": 0, "shed": 0}


def test_a_retry_finds_the_race_as_long_after_its_letter_as_that_is_young():
    tables = book(deadline_s=30)
    for offset, model in enumerate(MODELS[:2]):
        tables.predicted(prediction(model), 3, offset, NOON_S)
    tables.tick(3, 0, NOON_S + 30)
    letter_at = NOON + timedelta(seconds=720)
    tables.gave_up(dead_letter("resnet50", timestamp=letter_at), 3, 0, NOON_S + 720)
    tables.tick(3, 1, NOON_S + KEEP_RACE_S + 60)
    tables.published(str(IMAGE), 2, NOON_S + 1000)
    at = NOON + timedelta(seconds=1000)
    tables.predicted(prediction("resnet50", timestamp=at, amends=letter_at), 3, 9, at.timestamp())
    assert tables.totals.get("resnet50:3").figures() == {"predictions": 1, "errors": 0, "shed": 0}
    assert races.verdict(race_of(tables), tables.expected, NOON_S).answers == 3
    tables.tick(3, 2, at.timestamp() + KEEP_RACE_S + 10)
    assert race_of(tables) is None


def test_a_retry_of_an_old_image_counts_and_opens_no_race_of_its_own():
    tables = book()
    for offset, model in enumerate(MODELS[:2]):
        tables.gave_up(dead_letter(model), 3, offset, NOON_S)
    for offset in (0, 1):  # the first one closes the race, the second one forgets it
        tables.tick(3, offset, LATER * (offset + 1))
    assert race_of(tables) is None
    tables.owing.clear()
    at = NOON + timedelta(days=1)
    for offset, model in enumerate(MODELS[:2]):
        retried = prediction(model, timestamp=at, amends=NOON)
        assert tables.predicted(retried, 3, 9 + offset, at.timestamp()) == "counted"
        assert tables.predicted(retried, 3, 9 + offset, at.timestamp()) == "replay"
    assert not tables.owing, "a verdict of two answers would replace nothing, and be shown as a new race"
    for model in MODELS[:2]:
        assert tables.totals.get(f"{model}:3").figures() == {"predictions": 1, "errors": 0, "shed": 0}
    tables.labelled(label("cat"), 3, 5, at.timestamp())
    assert not tables.owing
    kept = races.from_bytes(str(IMAGE), races.to_bytes(race_of(tables)))
    assert kept == race_of(tables)
    tables.tick(3, 2, at.timestamp() + KEEP_RACE_S + 10)
    assert race_of(tables) is None


def test_a_retry_of_an_old_image_that_fails_again_is_no_new_error():
    tables, at = book(), NOON + timedelta(days=1)
    letter = dead_letter("resnet50", timestamp=at, amends=NOON, tries=2)
    assert tables.gave_up(letter, 3, 9, at.timestamp()) == "duplicate"
    assert race_of(tables) is None
    assert not tables.changed


# -- any order, replays, duplicates, crashes -------------------------------------------------------

IMAGES = [UUID(int=n) for n in range(3)]
GUESSES = {"cat": [("cat", 0.6), ("dog", 0.4)], "dog": [("dog", 0.7), ("cat", 0.3)]}

answers = st.builds(
    lambda image, model, guess, at: prediction(
        model,
        IMAGES[image],
        GUESSES[guess],
        label="cat" if image else None,
        trained=model != "mobilenet",
        timestamp=NOON + timedelta(seconds=at),
    ),
    st.integers(0, 2),
    st.sampled_from(MODELS),
    st.sampled_from(sorted(GUESSES)),
    st.integers(0, 25),
)
letters = st.builds(
    lambda image, model, at: dead_letter(model, IMAGES[image], timestamp=NOON + timedelta(seconds=at)),
    st.integers(0, 2),
    st.sampled_from(MODELS),
    st.integers(0, 25),
)
labels = st.builds(
    lambda image, name, second, by: label(name, IMAGES[image], timestamp=NOON + timedelta(seconds=second), by=by),
    st.integers(0, 2),
    st.sampled_from(sorted(GUESSES)),
    st.integers(0, 2),
    st.sampled_from(["ana", "bob"]),
)
left_out = st.builds(
    lambda image, model, at: shed(model, IMAGES[image], timestamp=NOON + timedelta(seconds=at)),
    st.integers(0, 2),
    st.sampled_from(MODELS),
    st.integers(0, 25),
)


topics = st.tuples(
    st.lists(answers, max_size=12),
    st.lists(letters, max_size=4),
    st.lists(labels, max_size=4),
    st.just([None] * 4),
    st.lists(left_out, max_size=4),
)


class World:
    """One partition of the five topics, committed offsets, and what was written of the tables; workers come and go."""

    def __init__(self, logs):
        self.logs = logs
        self.committed = [0] * len(logs)
        self.kept = Kept(), Kept(), Kept()
        self.clock = NOON_S
        self.tick_times = {}
        self.start()

    def start(self):
        self.position = list(self.committed)
        self.tables = restarted(self.kept, committed=self.committed, now=self.clock)

    def step(self, topic):
        """The next message of one topic."""
        offset = self.position[topic]
        if offset == len(self.logs[topic]):
            return
        self.position[topic] += 1
        self.clock += 1
        message, handle = self.logs[topic][offset], self.tables
        if topic == 3:
            self.clock += 31
            handle.tick(3, offset, self.tick_times.setdefault(offset, self.clock))
        else:
            enter = handle.predicted, handle.gave_up, handle.labelled, None, handle.left_out
            enter[topic](message, 3, offset, self.clock)

    def checkpoint(self, chance, crash):
        """Write as a worker does: races, then (late) some buckets and totals, then the offsets; or die on the way."""
        position = list(self.position)
        late = [shelf.take(self.clock - chance.randint(0, 40)) for shelf in (self.tables.buckets, self.tables.totals)]
        races = self.tables.races.take(LATER)
        if crash:
            keep(self.tables.races, chance.sample(races, chance.randint(0, len(races))))
            return self.start()
        keep(self.tables.races, races)
        for shelf, writes in zip((self.tables.buckets, self.tables.totals), late, strict=True):
            kept = chance.sample(writes, chance.randint(0, len(writes)))
            keep(shelf, kept)
            shelf.failed([write for write in writes if write not in kept], self.clock)
        if chance.random() < 0.3:
            return self.start()
        self.committed = position
        return None


def oracle(logs):
    """Counts per model and bucket from the set of messages alone."""
    first, dead, frames, given = {}, {}, {}, {}
    for message in logs[0]:
        first.setdefault((message.image_id, message.model), message)
    for message in logs[1]:
        dead.setdefault((message.image_id, message.model), message)
    for message in logs[4]:
        frames.setdefault((message.image_id, message.model), message)
    for message in logs[2]:
        known = given.get(message.image_id)
        later = known is None or message.timestamp > known.timestamp
        if later or (message.timestamp == known.timestamp and message.by < known.by):  # as PostgreSQL orders them
            given[message.image_id] = message
    counts = Counter()
    for message in first.values():
        at = message.model, bucket_start(message.timestamp)
        right = given.get(message.image_id, message).label
        labelled = right is not None and message.trained
        counts[(*at, "predictions")] += 1
        counts[(*at, "inference")] += 1
        counts[(*at, "labelled")] += labelled
        counts[(*at, "correct")] += labelled and right == message.prediction
    for pair, letter in dead.items():
        if pair not in first:
            counts[(letter.model, bucket_start(letter.timestamp), "errors")] += 1
    for pair, frame in frames.items():
        if pair not in first.keys() | dead.keys():
            counts[(frame.model, bucket_start(frame.timestamp), "shed")] += 1
    return +counts


def counted(tables: Book):
    counts = Counter()
    keys = {key.removeprefix("bucket|") for key in tables.changed if key.startswith("bucket|")}
    for key in keys:
        bucket = tables.buckets.get(key)
        if bucket.model != "ensemble":
            for name in ("predictions", "errors", "labelled", "correct", "shed"):
                counts[(bucket.model, bucket.start, name)] += getattr(bucket, name)
            counts[(bucket.model, bucket.start, "inference")] += (
                bucket.stages["inference_ms"].count if bucket.stages else 0
            )
    return +counts


def ensembles(tables: Book):
    """What the ensemble buckets hold, and what they should hold by the races themselves."""
    whole, expected = Bucket("ensemble", 3, 0), Counter()
    for key in {key.removeprefix("bucket|") for key in tables.changed if key.startswith("bucket|ensemble")}:
        whole.merge(tables.buckets.get(key))
    for race in filter(None, (tables.races.get(str(image)) for image in IMAGES)):
        if race.closed_at is not None and race.answers:
            verdict = races.verdict(race, tables.expected, NOON_S)
            counts = race.label is not None and all(each.trained for each in verdict.predictions)
            expected.update(predictions=1, labelled=counts, correct=counts and verdict.ensemble == race.label)
    return (whole.predictions, whole.labelled, whole.correct), tuple(
        expected[name] for name in ("predictions", "labelled", "correct")
    )


@settings(max_examples=300, deadline=None)
@given(topics, st.integers(0, 2**32), st.integers(0, 6))
def test_figures_do_not_depend_on_order_replays_or_crashes(logs, seed, crashes):
    world, chance, ends = World(logs), random.Random(seed), [len(log) for log in logs]
    while world.position != ends or crashes:
        world.step(chance.randrange(5))
        if chance.random() < 0.3:
            crash = crashes > 0 and chance.random() < 0.5
            crashes -= crash
            world.checkpoint(chance, crash)
    write(world.tables.races)
    world.start()
    while world.position != ends:
        world.step(chance.randrange(5))
    expected = oracle(logs)
    assert counted(world.tables) == expected
    have, by_races = ensembles(world.tables)
    assert have == by_races
    for (model, kind), count in totals(world.tables).items():
        assert count == sum(n for (name, _, what), n in expected.items() if (name, what) == (model, kind))


def totals(tables: Book):
    both = {model: tables.totals.get(f"{model}:3") or Total(model, 3) for model in MODELS}
    return {(model, kind): n for model, total in both.items() for kind, n in total.figures().items()}
