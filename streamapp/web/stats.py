"""Rolling figures per model."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from streamapp.web.context import ApiContext
from streamapp.web.inputs import Input
from streamapp.web.operations import Operation
from streamapp.web.repeats import Repeats


class Window(Input):
    """Over which time."""

    window: Literal["1m", "5m", "15m"] = "1m"


class Stage(BaseModel):
    """Times of one stage in milliseconds; the quantiles within 1 %."""

    p50: float | None
    p95: float | None
    p99: float | None
    mean: float | None


class Stages(BaseModel):
    """The stages of a prediction; `total` is from the image's timestamp to the answer."""

    queue: Stage
    fetch: Stage
    preprocess: Stage
    lane: Stage
    inference: Stage
    total: Stage


class ModelFigures(BaseModel):
    """One model over the window. Figures of nothing are null."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    model_name: str
    avg_latency_ms: float | None = Field(description="Mean inference time.")
    avg_confidence: float | None
    accuracy: float | None = Field(description="Null where nothing was labelled, or the weights are untrained.")
    throughput_imgs_per_sec: float
    capacity_imgs_per_sec: float | None = Field(description="What the inference time allows.")
    total_predictions: int = Field(description="Since the beginning.")
    count: int
    errors: int
    shed: int
    labelled: int
    correct: int
    trained: bool
    stages: Stages


class Ensemble(BaseModel):
    """What the models say together."""

    accuracy: float | None
    labelled: int


class Dedupe(BaseModel):
    """How often a known picture was asked for, and found."""

    asked: int
    hits: int
    hit_rate: float | None


class Stats(BaseModel):
    """The figures of all models."""

    window: str
    models: list[ModelFigures]
    ensemble: Ensemble
    dedupe: Dedupe


def operations(context: ApiContext) -> list[Operation]:
    """The operations of this noun."""
    repeats = Repeats(context.cache)

    async def now(query: Window) -> Stats:
        """The figures of each model over the last minutes."""
        return Stats.model_validate({**context.live.figures(query.window), "dedupe": await repeats.figures()})

    return [Operation("GET", "/stats", now)]
