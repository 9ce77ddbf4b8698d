"""The progress line says what the statistics say."""

from streamapp.devstack.progress import progress_line

RESNET = {
    "model_name": "resnet50",
    "throughput_imgs_per_sec": 9.94,
    "total_predictions": 1234,
    "errors": 0,
    "trained": True,
}


def test_rate_and_totals() -> None:
    other = {**RESNET, "model_name": "mobilenet", "throughput_imgs_per_sec": 10.06, "total_predictions": 12}

    assert progress_line([RESNET, other]) == "10.1 images/s · resnet50 1,234 · mobilenet 12"


def test_errors_and_untrained_weights_are_said() -> None:
    assert progress_line([{**RESNET, "errors": 7, "trained": False}]).endswith("resnet50 (untrained) 1,234, 7 errors")


def test_an_empty_stack_says_so() -> None:
    assert progress_line([]) == "no predictions yet"
