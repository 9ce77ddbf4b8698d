"""What the dashboard asks for is what the API answers: names that both have, which nothing else compares."""

import pytest

from dash_ui import distributions, past
from dash_ui.pages import images
from streamapp.storage.history import Distribution, StageTimes
from streamapp.web.history import BUCKETS_S, DistributionQuery, Distributions
from streamapp.web.images import ImageQuery


def test_images_are_filtered_by_what_the_api_knows() -> None:
    assert set(images.FILTERS) | {"before", "limit"} <= ImageQuery.model_fields.keys()


@pytest.mark.parametrize("window", past.WINDOWS.values())
def test_the_buckets_of_the_past_are_the_apis(window: past.Window) -> None:
    assert BUCKETS_S[window.bucket] == window.bucket_s


def test_the_distributions_are_read_as_they_are_told() -> None:
    assert set(distributions.STAGES) == StageTimes.model_fields.keys()
    times = StageTimes(queue=[], fetch=[1.0], preprocess=[1.0], inference=[2.0], total=[4.0, 5.0, 6.0])
    models = [Distribution(model="m", predictions=3, stages=times)]
    (read,) = distributions.parse({"models": [each.model_dump(mode="json") for each in models]})
    assert (read.model, read.predictions, read.quantile("total", 0.5), read.quantile("queue", 0.5)) == ("m", 3, 5, None)
    assert "models" in Distributions.model_fields
    for minutes, _ in distributions.MINUTES.values():
        assert DistributionQuery.model_validate({"minutes": minutes}).minutes == minutes
