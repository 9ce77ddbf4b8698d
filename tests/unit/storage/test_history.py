"""The figures of the past say something of everything that is measured."""

from streamapp.records import STAGES
from streamapp.storage.history import StageTimes


def test_the_times_of_every_stage_are_distributed() -> None:
    assert [f"{name}_ms" for name in StageTimes.model_fields] == list(STAGES)
