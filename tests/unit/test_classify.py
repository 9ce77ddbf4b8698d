"""The body of a model agent: one message in, exactly one prediction or one dead letter out."""

import asyncio
import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from aiokafka.errors import KafkaTimeoutError, MessageSizeTooLargeError
from PIL import Image
from prometheus_client import CollectorRegistry

from streamapp import topics
from streamapp.classify import Classifier
from streamapp.errors import ModelError, StoreUnavailable
from streamapp.fetch import Fetcher
from streamapp.inference import Inference, ModelReplaced, Unwanted
from streamapp.metrics import Metrics
from streamapp.outcomes import PublishedOutcomes
from streamapp.records import LIVE, DeadLetter, ImageMessage, Prediction, Shed, now, prediction_id
from streamapp.retries import Retry
from streamapp.runtime.spec import ModelInfo
from streamapp.settings import Settings
from streamapp.storage.memory import MemoryCache, MemoryObjects

INFO = ModelInfo("tiny", "v1", True, "TinyCNN", "fresh", "openvino", "f32", 8, ("red", "green", "blue"), 10, 10.0)


class FakeTopic:
    """Remembers what was sent; raises what `failures` says first."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, bytes]] = []
        self.failures: list[Exception] = []

    async def send(self, *, key: bytes, value: bytes, **_: Any) -> Any:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append((key, value))
        acked = asyncio.get_running_loop().create_future()
        acked.set_result(None)
        return acked


class Colours:
    """Says which channel is the strongest; fails as often as `failing` says. `following` takes over at a call."""

    def __init__(self) -> None:
        self.failing = 0
        self.calls = 0
        self.busy_s = 0.0
        self.info = INFO
        self.following: ModelInfo | None = None

    async def infer(
        self, pixels: np.ndarray, prepared_for: ModelInfo, wanted: Callable[[], bool] = lambda: True
    ) -> Inference:
        self.calls += 1
        await asyncio.sleep(self.busy_s)
        if not wanted():
            raise Unwanted
        if self.following is not None:
            self.info, self.following = self.following, None
            raise ModelReplaced
        assert prepared_for == self.info
        if self.failing:
            self.failing -= 1
            raise ModelError("tiny failed")
        assert pixels.shape == (self.info.input_size, self.info.input_size, 3)
        sums = pixels.reshape(-1, 3).sum(axis=0).astype(np.float32)
        return Inference(sums / sums.sum(), lane_ms=1.5, inference_ms=2.5, lane="held", info=self.info)


def png(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (20, 10), colour).save(buffer, "PNG")
    return buffer.getvalue()


def message(**changes: Any) -> ImageMessage:
    image_id = changes.pop("image_id", uuid4())
    values = {
        "image_id": image_id,
        "minio_path": f"raw-images/2026/11/22/{image_id}.png",
        "timestamp": now(),
        "content_type": "image/png",
        "sha256": "0" * 64,
        "label": "red",
    }
    return ImageMessage.model_validate(values | changes)


def event(value: bytes, headers: list[tuple[str, bytes]] | None = None) -> Any:
    return SimpleNamespace(
        message=SimpleNamespace(topic="images-input-stream", partition=3, offset=42, value=value, headers=headers or [])
    )


class Bench:
    """A classifier between twins of the stores and the topics."""

    def __init__(self, decoders: ThreadPoolExecutor, run_id: str = LIVE) -> None:
        self.settings = Settings(retries=2, retry_delay_s=0)
        self.objects, self.cache = MemoryObjects(), MemoryCache()
        self.predictions, self.dead_letters, self.shed, self.model = FakeTopic(), FakeTopic(), FakeTopic(), Colours()
        self.metrics = Metrics(CollectorRegistry())
        fetcher = Fetcher(self.objects, self.cache)
        kept = {topics.PREDICTIONS: self.predictions, topics.DEAD_LETTERS: self.dead_letters, topics.SHED: self.shed}
        self.outcomes = PublishedOutcomes(SimpleNamespace(topic=lambda name, **_: kept[name]), self.metrics)
        self.classify = Classifier(
            self.settings,
            INFO,
            self.model,
            fetcher,
            decoders,
            self.outcomes,
            self.metrics,
            run_id,
        )

    async def store(self, image: ImageMessage, data: bytes) -> None:
        await self.objects.ensure_bucket("raw-images")
        await self.objects.put(image.minio_path, data, image.content_type)

    def letter(self) -> DeadLetter:
        assert self.predictions.sent == []
        [(_, value)] = self.dead_letters.sent
        return DeadLetter.decode(value)

    def prediction(self) -> Prediction:
        assert self.dead_letters.sent == []
        [(_, value)] = self.predictions.sent
        return Prediction.decode(value)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with ThreadPoolExecutor(1) as decoders:
        yield Bench(decoders)


async def test_a_prediction_with_every_stage(bench: Bench) -> None:
    image = message()
    await bench.store(image, png("red"))
    await bench.classify(event(image.encode()))
    prediction = bench.prediction()
    assert prediction.prediction == "red"
    assert prediction.confidence == 1.0
    assert prediction.top_k == [("red", 1.0), ("blue", 0.0), ("green", 0.0)]
    assert prediction.prediction_id == prediction_id(image.image_id, "tiny")
    assert (prediction.label, prediction.model_version, prediction.lane) == ("red", "v1", "held")
    assert (prediction.lane_ms, prediction.inference_ms) == (1.5, 2.5)
    assert prediction.fetch_ms > 0
    assert prediction.preprocess_ms > 0
    assert prediction.total_ms >= prediction.fetch_ms + prediction.preprocess_ms
    assert bench.predictions.sent[0][0] == str(image.image_id).encode()
    assert bench.metrics.registry.get_sample_value("streamapp_predictions_total", {"model": "tiny"}) == 1


async def test_the_header_carries_small_images(bench: Bench) -> None:
    await bench.classify(event(message().encode(), [("image", png("lime"))]))
    assert bench.prediction().prediction == "green"


async def test_what_is_not_a_message_is_a_dead_letter_without_image(bench: Bench) -> None:
    await bench.classify(event(b"{not json"))
    letter = bench.letter()
    assert (letter.stage, letter.reason, letter.image_id, letter.model) == ("decode", "bad-message", None, "tiny")
    assert (letter.topic, letter.partition, letter.offset) == ("images-input-stream", 3, 42)
    assert letter.value == "e25vdCBqc29u"
    assert bench.dead_letters.sent[0][0] == b"streamapp-tiny/images-input-stream/3/42"


async def test_a_missing_object_is_a_dead_letter(bench: Bench) -> None:
    image = message()
    await bench.classify(event(image.encode()))
    letter = bench.letter()
    assert (letter.stage, letter.reason, letter.image_id) == ("fetch", "object-missing", image.image_id)
    assert bench.dead_letters.sent[0][0] == str(image.image_id).encode()


async def test_a_broken_image_is_a_dead_letter(bench: Bench) -> None:
    image = message()
    await bench.store(image, png("red")[:40])
    await bench.classify(event(image.encode()))
    letter = bench.letter()
    assert (letter.stage, letter.reason) == ("preprocess", "undecodable-image")


async def test_a_passing_failure_of_the_model_is_tried_again(bench: Bench) -> None:
    bench.model.failing = 2
    await bench.classify(event(message().encode(), [("image", png("red"))]))
    assert bench.prediction().prediction == "red"
    assert bench.model.calls == 3


async def test_a_lasting_failure_of_the_model_is_a_dead_letter(bench: Bench) -> None:
    bench.model.failing = 99
    await bench.classify(event(message().encode(), [("image", png("red"))]))
    letter = bench.letter()
    assert (letter.stage, letter.reason) == ("inference", "model-failed")
    assert bench.model.calls == 3


async def test_a_version_with_another_input_that_takes_over_gets_the_image_as_it_wants_it(bench: Bench) -> None:
    bench.model.following = replace(INFO, input_size=16, model_version="v2", trained=False)
    await bench.classify(event(message().encode(), [("image", png("red"))]))
    prediction = bench.prediction()
    assert (prediction.prediction, prediction.model_version, prediction.trained) == ("red", "v2", False)
    assert bench.model.calls == 2


async def test_a_store_that_is_down_is_waited_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    image, answers = message(), [StoreUnavailable("down"), StoreUnavailable("down"), png("blue")]

    async def get(path: str) -> bytes:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(bench.objects, "get", get)
    await bench.classify(event(image.encode()))
    assert bench.prediction().prediction == "blue"
    assert answers == []


async def test_a_broker_that_is_away_is_waited_for(bench: Bench) -> None:
    bench.predictions.failures = [KafkaTimeoutError()]
    await bench.classify(event(message().encode(), [("image", png("red"))]))
    assert bench.prediction().prediction == "red"


async def test_a_message_too_large_is_a_dead_letter(bench: Bench) -> None:
    bench.predictions.failures = [MessageSizeTooLargeError()]
    await bench.classify(event(message().encode(), [("image", png("red"))]))
    letter = bench.letter()
    assert (letter.stage, letter.reason) == ("publish", "message-too-large")


async def test_models_of_one_worker_share_one_fetch() -> None:
    image, calls = message(), 0

    class Slow(MemoryObjects):
        async def get(self, path: str) -> bytes:
            nonlocal calls
            calls += 1
            await asyncio.sleep(0.01)
            return b"original"

    fetcher = Fetcher(Slow(), MemoryCache())
    answers = await asyncio.gather(*[fetcher.get(image.image_id, image.minio_path) for _ in range(3)])
    answers.append(await fetcher.get(image.image_id, image.minio_path))
    assert answers == [b"original"] * 4
    assert calls == 1


# -- live means live -------------------------------------------------------------------------------


def frame(age_s: float, **changes: Any) -> ImageMessage:
    """A camera's frame of some age."""
    fields = {"source": "webcam", "camera_id": "door", "label": None, "timestamp": now() - timedelta(seconds=age_s)}
    return message(**{**fields, **changes})


async def test_a_frame_that_is_too_old_is_left_out_before_anything_is_fetched(bench: Bench) -> None:
    image = frame(2.5)
    await bench.classify(event(image.encode()))
    assert (bench.predictions.sent, bench.dead_letters.sent, bench.model.calls) == ([], [], 0)
    [(key, value)] = bench.shed.sent
    shed = Shed.decode(value)
    assert key == str(image.image_id).encode()
    assert (shed.image_id, shed.model, shed.run_id, shed.camera_id) == (image.image_id, "tiny", "live", "door")
    assert shed.deadline_ms == 2000
    assert 2500 <= shed.age_ms < 5000
    assert bench.metrics.registry.get_sample_value("streamapp_shed_total", {"model": "tiny"}) == 1


async def test_a_frame_from_the_end_of_time_is_a_dead_letter(bench: Bench) -> None:
    image = frame(0, timestamp=datetime.max.replace(tzinfo=UTC))
    await bench.classify(event(image.encode(), [("image", png("red"))]))
    letter = bench.letter()
    assert (letter.stage, letter.reason, letter.image_id) == ("decode", "bad-message", image.image_id)


async def test_headers_without_a_value_stop_nobody(bench: Bench) -> None:
    await bench.classify(event(message().encode(), [("image", png("red")), ("only", None), ("tries", None)]))
    assert bench.prediction().prediction == "red"


async def test_a_new_frame_is_classified(bench: Bench) -> None:
    await bench.classify(event(frame(0.1).encode(), [("image", png("red"))]))
    assert bench.prediction().prediction == "red"
    assert bench.shed.sent == []


@pytest.mark.parametrize(
    "image",
    [frame(3600, source=source) for source in ("upload", "cifar10", "folder", "unsplash")] + [frame(3600, label="cat")],
    ids=["upload", "cifar10", "folder", "unsplash", "labelled frame"],
)
async def test_nothing_else_is_ever_left_out(bench: Bench, image: ImageMessage) -> None:
    await bench.classify(event(image.encode(), [("image", png("red"))]))
    assert bench.prediction().image_id == image.image_id
    assert bench.shed.sent == []


async def test_a_frame_that_waited_for_the_model_too_long_is_left_out(bench: Bench) -> None:
    """It was new when it came, but the model was busy with others."""
    bench.model.busy_s = 0.3
    await bench.classify(event(frame(1.8).encode(), [("image", png("red"))]))
    assert (len(bench.shed.sent), bench.predictions.sent) == (1, [])


async def test_a_frame_is_not_kept_waiting_for_a_store_that_is_down(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def get(path: str) -> bytes:
        await asyncio.sleep(0.05)
        raise StoreUnavailable("down")

    monkeypatch.setattr(bench.objects, "get", get)
    async with asyncio.timeout(3):
        await bench.classify(event(frame(1.8).encode()))
    assert len(bench.shed.sent) == 1


async def test_without_a_deadline_no_frame_is_too_old(bench: Bench) -> None:
    bench.classify.settings = Settings(camera_deadline_s=0)
    await bench.classify(event(frame(3600).encode(), [("image", png("red"))]))
    assert bench.prediction().prediction == "red"


# -- messages that are sent again ------------------------------------------------------------------


def again(image: ImageMessage, only: str = "streamapp-tiny", tries: int = 1, **more: Any) -> Any:
    headers = Retry(only, tries, 7, **more).headers()
    return event(image.encode(), [*headers.items(), ("image", png("red"))])


async def test_what_is_sent_again_for_another_group_is_acknowledged_untouched(bench: Bench) -> None:
    await bench.classify(again(message(), "streamapp-other"))
    assert (bench.predictions.sent, bench.dead_letters.sent, bench.shed.sent, bench.model.calls) == ([], [], [], 0)


async def test_a_retry_is_classified_and_says_which_letter_it_takes_back(bench: Bench) -> None:
    image, amends = frame(3600), now() - timedelta(hours=1)
    await bench.classify(again(image, amends=amends))
    prediction = bench.prediction()
    assert prediction.amends == amends
    assert prediction.prediction_id == prediction_id(image.image_id, "tiny"), "it is the live answer"
    assert prediction.total_ms < 60_000, "the hour in the dead letters is nobody's latency"
    assert bench.shed.sent == [], "a person wants it, however old it is"


async def test_a_retry_that_fails_again_counts_its_tries(bench: Bench) -> None:
    bench.model.failing, amends = 99, now() - timedelta(hours=1)
    await bench.classify(again(message(), tries=2, amends=amends))
    letter = bench.letter()
    assert (letter.tries, letter.amends, letter.offset) == (3, amends, 42)


# -- replays ---------------------------------------------------------------------------------------


async def test_in_a_replay_old_frames_are_done_and_marked() -> None:
    with ThreadPoolExecutor(1) as decoders:
        bench, image = Bench(decoders, "audit-1"), frame(3600)
        await bench.classify(event(image.encode(), [("image", png("red"))]))
        prediction = bench.prediction()
        assert (prediction.run_id, prediction.total_ms < 60_000) == ("audit-1", True)
        assert prediction.prediction_id == prediction_id(image.image_id, "tiny", "audit-1")
        bench.predictions.sent.clear()
        await bench.classify(event(image.encode()))
        assert bench.letter().run_id == "audit-1"
