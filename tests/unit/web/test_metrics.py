"""The names that `/metrics` must carry."""

from prometheus_client import CollectorRegistry, generate_latest

from streamapp.metrics import Metrics
from tests.unit.web.messages import state

NAMES = {
    "streamapp_images_accepted_total",
    "streamapp_images_rejected_total",
    "streamapp_predictions_total",
    "streamapp_dead_letters_total",
    "streamapp_shed_total",
    "streamapp_stage_seconds",
    "streamapp_in_flight",
    "streamapp_lane_bypassed_total",
    "streamapp_verdicts_total",
    "streamapp_recorded_rows_total",
    "streamapp_record_batch_seconds",
    "streamapp_store_failures_total",
    "streamapp_sse_readers",
    "streamapp_model_info",
    "streamapp_model_reloads_total",
}


def exported_names(registry: CollectorRegistry) -> set[str]:
    lines = generate_latest(registry).decode().splitlines()
    return {
        line.split()[2] for line in lines if line.startswith("# TYPE ") and not line.split()[2].endswith("_created")
    }


def test_metrics_carry_exactly_the_documented_names() -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    assert exported_names(registry) == NAMES


def test_two_processes_worth_of_metrics_do_not_collide() -> None:
    first, second = Metrics(CollectorRegistry()), Metrics(CollectorRegistry())
    first.images_accepted.labels("upload").inc()
    assert first.registry.get_sample_value("streamapp_images_accepted_total", {"source": "upload"}) == 1
    assert second.registry.get_sample_value("streamapp_images_accepted_total", {"source": "upload"}) == 0


def test_a_new_version_of_a_model_replaces_the_old_one() -> None:
    metrics = Metrics(CollectorRegistry())
    metrics.model_loaded(state(trained=False))
    metrics.model_loaded(state(model_version="2", trained=False))
    samples = [sample for family in metrics.model_info.collect() for sample in family.samples]
    assert [(sample.labels["version"], sample.labels["trained"], sample.value) for sample in samples] == [
        ("2", "false", 1.0)
    ]
