"""Hypothesis strategies for the messages on the topics."""

from datetime import UTC

from hypothesis import strategies as st

from streamapp.records import STAGES, DeadLetter, ImageMessage, LabelMessage, Prediction, Tick, Verdict

times = st.datetimes(timezones=st.just(UTC))
milliseconds = st.floats(min_value=0, allow_nan=False, allow_infinity=False)
shares = st.floats(min_value=0, max_value=1)
text = st.text(max_size=30)
optional_text = st.none() | text
sources = st.sampled_from(["upload", "webcam", "cifar10", "folder", "unsplash"])

images = st.builds(
    ImageMessage,
    image_id=st.uuids(),
    minio_path=text,
    timestamp=times,
    source=sources,
    camera_id=optional_text,
    content_type=st.sampled_from(["image/jpeg", "image/png", "image/webp"]),
    sha256=st.text("0123456789abcdef", min_size=64, max_size=64),
    label=optional_text,
)
predictions = st.builds(
    Prediction,
    prediction_id=st.uuids(),
    image_id=st.uuids(),
    model=text,
    model_version=text,
    trained=st.booleans(),
    run_id=text,
    prediction=text,
    confidence=shares,
    top_k=st.lists(st.tuples(text, shares), max_size=3),
    timestamp=times,
    source=sources,
    camera_id=optional_text,
    label=optional_text,
    lane=st.sampled_from(["held", "bypassed", "off"]),
    **dict.fromkeys(STAGES, milliseconds),
)
verdicts = st.builds(
    Verdict,
    image_id=st.uuids(),
    timestamp=times,
    expected=st.integers(0, 9),
    answers=st.integers(0, 9),
    complete=st.booleans(),
    fastest=optional_text,
    most_confident=optional_text,
    consensus=optional_text,
    agreement=shares,
    ensemble=optional_text,
    ensemble_confidence=st.none() | shares,
    disagreement=shares,
    source=sources,
    label=optional_text,
    predictions=st.lists(predictions, max_size=2),
    dead=st.lists(text, max_size=2),
)
others = st.one_of(
    st.builds(
        LabelMessage,
        image_id=st.uuids(),
        label=st.none() | st.text(min_size=1, max_size=200),
        by=st.text(max_size=9),
        timestamp=times,
    ),
    st.builds(DeadLetter, group=text, image_id=st.none() | st.uuids(), error=text, value=text, timestamp=times),
    st.builds(Tick, partition=st.integers(0, 99), timestamp=times),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
