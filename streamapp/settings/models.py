"""How models are run, and what is made of their answers."""

from typing import Literal

from pydantic import BaseModel, Field


class ModelSettings(BaseModel):
    """Models."""

    weights: str = Field(
        "",
        description="Weights for every model, a URI, or `name=URI` for some, separated by commas; "
        "empty means what each model's own file says.",
    )
    runtime: Literal["openvino", "keras"] = Field("openvino", description="What runs the models.")
    precision: Literal["f32", "bf16", "int8"] = Field(
        "f32", description="Precision of OpenVINO inference, of models that do not say their own."
    )
    inference_threads: int = Field(0, ge=0, description="Threads of one inference; 0 takes half of the cores.")
    weights_poll_s: float = Field(
        10, ge=0, description="How often it is looked whether a model's weights have changed; 0: only when told to."
    )
    lane: bool = Field(True, description="One model at a time uses the cores of this host, for fair timing.")
    lane_wait_s: float = Field(2, gt=0, description="Longest wait for the lane; past it the model runs outside of it.")
    window: int = Field(8, ge=1, description="Messages that one model agent works on at once.")
    retries: int = Field(3, ge=0, description="Times that a failed inference is tried again before the dead letter.")
    retry_delay_s: float = Field(0.2, ge=0, description="Pause before the first new try; it doubles.")
    camera_deadline_s: float = Field(
        2, ge=0, description="A camera's frame older than this is left out by a model that is behind; 0: none is."
    )
    inference_timeout_s: float = Field(20, gt=0, description="An inference that takes longer counts as failed.")


class StatisticsSettings(BaseModel):
    """Statistics."""

    race_deadline_s: float = Field(
        30, gt=0, description="After this time an image gets its verdict without the missing answers."
    )
    tick_s: float = Field(1, gt=0, description="How often deadlines are checked and partial figures published.")
    table_store: str = Field(
        "memory://", description="Store of the Faust tables: `memory://` or `rocksdb://?driver=rocksdict`."
    )
