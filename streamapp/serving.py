"""The messages in which model workers say what they serve, and in which they are told to look for a new version."""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field

from streamapp.records import Record
from streamapp.runtime.spec import Accuracy

Outcome = Literal["swapped", "unchanged", "failed"]


class ReloadOrder(Record):
    """`models-control`: every worker of a model shall serve what its weights' URI stands for now."""

    order: Literal["reload"] = "reload"
    model: str = Field(max_length=100)
    by: str = Field(max_length=200, description="Who asks for it.")
    request_id: str = Field(max_length=64, description="Found again in the state of each worker that has done it.")
    timestamp: AwareDatetime


class Reloaded(BaseModel):
    """The last time that a worker looked for a new version when it was told to, or when the weights had moved."""

    outcome: Outcome = Field(description="`unchanged`: that version was served already, and nothing was done.")
    by: str
    request_id: str = ""
    ordered_at: AwareDatetime | None = Field(
        default=None,
        description="When it was told to: an order of before is done too. Null where the weights had moved.",
    )
    at: AwareDatetime
    seconds: float = Field(description="From the beginning to the switch, or to the failure.")


class ReloadError(BaseModel):
    """Why a worker does not serve what its weights' URI stands for."""

    error: str
    at: AwareDatetime


class ServedModel(Record):
    """A model in service."""

    model: str
    model_version: str
    trained: bool
    architecture: str
    weights: str
    sha256: str = Field("", description="Hash of the weights.")
    runtime: str
    precision: str
    input_size: int
    labels: list[str]
    parameters: int
    flops: float
    size_bytes: int = Field(0, description="Size of the files that the runtime loads.")
    accuracy: Accuracy | None = None
    loaded_at: AwareDatetime
    started_at: AwareDatetime
    timestamp: AwareDatetime
    last_reload: Reloaded | None = None
    reload_error: ReloadError | None = None


class ModelState(ServedModel):
    """`models-state` (compacted, key = model/worker): what one worker of a model serves now."""

    worker: str = ""

    @property
    def key(self) -> bytes:
        """The key of this worker's row."""
        return f"{self.model}/{self.worker}".encode()
