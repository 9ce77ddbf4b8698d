"""The project's own Prometheus metrics, one set per process, on a registry of its own."""

from typing import Protocol, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from streamapp.records import Source

#: Upper bounds of a stage's histogram in seconds: half a millisecond (a small model) to ten seconds (a long queue).
STAGE_BUCKETS = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1, 2.5, 5, 10)
#: Upper bounds of a stored batch's histogram in seconds.
BATCH_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
#: Values of the label `reason` of refused uploads: the errors below `ImageRejected`, and a request that is malformed.
REJECTIONS = ("empty", "unsupported-format", "too-large", "too-many-pixels", "undecodable", "bad-request")
#: Values of the label `store`.
STORES = ("postgres", "objects", "cache")

MODEL_LABELS = ("model", "version", "trained", "architecture", "weights", "runtime", "precision")


class LoadedModel(Protocol):
    """What `Metrics.model_loaded` reads from a `ModelInfo` or a `ModelState`."""

    @property
    def model(self) -> str: ...  # noqa: D102  # the names are explained where they are defined
    @property
    def model_version(self) -> str: ...  # noqa: D102
    @property
    def trained(self) -> bool: ...  # noqa: D102
    @property
    def architecture(self) -> str: ...  # noqa: D102
    @property
    def weights(self) -> str: ...  # noqa: D102
    @property
    def runtime(self) -> str: ...  # noqa: D102
    @property
    def precision(self) -> str: ...  # noqa: D102


class Metrics:
    """Every metric of the project. Each process makes one, on a fresh `CollectorRegistry`.

    Times are in seconds, as Prometheus has it; the topics carry milliseconds.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._ingest(registry)
        self._models(registry)
        self._storage(registry)

    def _ingest(self, registry: CollectorRegistry) -> None:
        self.images_accepted = Counter(
            "streamapp_images_accepted_total", "Images stored and published.", ["source"], registry=registry
        )
        self.images_rejected = Counter(
            "streamapp_images_rejected_total", "Uploads that were refused.", ["reason"], registry=registry
        )
        self.sse_readers = Gauge("streamapp_sse_readers", "Open readers of the live events.", registry=registry)
        for source in get_args(Source):
            self.images_accepted.labels(source)
        for reason in REJECTIONS:
            self.images_rejected.labels(reason)

    def _models(self, registry: CollectorRegistry) -> None:
        self.predictions = Counter(
            "streamapp_predictions_total", "Predictions that the broker acknowledged.", ["model"], registry=registry
        )
        self.dead_letters = Counter(
            "streamapp_dead_letters_total", "Messages sent to the dead letters.", ["model", "stage"], registry=registry
        )
        self.shed = Counter("streamapp_shed_total", "Camera frames left out as too old.", ["model"], registry=registry)
        self.stage_seconds = Histogram(
            "streamapp_stage_seconds",
            "Time of one stage of one prediction.",
            ["model", "stage"],
            buckets=STAGE_BUCKETS,
            registry=registry,
        )
        self.in_flight = Gauge(
            "streamapp_in_flight", "Messages that a model works on now.", ["model"], registry=registry
        )
        self.lane_bypassed = Counter(
            "streamapp_lane_bypassed_total", "Inferences outside the lane.", ["model"], registry=registry
        )
        self.model_info = Gauge(
            "streamapp_model_info", "The model that is served now; always 1.", MODEL_LABELS, registry=registry
        )
        self.model_reloads = Counter(
            "streamapp_model_reloads_total",
            "Times that a new version of a model was looked for.",
            ["model", "outcome"],
            registry=registry,
        )
        self.verdicts = Counter("streamapp_verdicts_total", "Verdicts published.", ["complete"], registry=registry)
        for complete in ("true", "false"):
            self.verdicts.labels(complete)

    def _storage(self, registry: CollectorRegistry) -> None:
        self.recorded_rows = Counter(
            "streamapp_recorded_rows_total", "Rows that the recorder stored.", ["table"], registry=registry
        )
        self.record_batch_seconds = Histogram(
            "streamapp_record_batch_seconds",
            "Time to store one batch of rows.",
            buckets=BATCH_BUCKETS,
            registry=registry,
        )
        self.store_failures = Counter(
            "streamapp_store_failures_total", "Calls that a store did not answer.", ["store"], registry=registry
        )
        for store in STORES:
            self.store_failures.labels(store)

    def model_loaded(self, info: LoadedModel) -> None:
        """Show `info` as the model that is served, in place of its earlier version."""
        self.model_info.remove_by_labels({"model": info.model})
        self.model_info.labels(
            model=info.model,
            version=info.model_version,
            trained=str(info.trained).lower(),
            architecture=info.architecture,
            weights=info.weights,
            runtime=info.runtime,
            precision=info.precision,
        ).set(1)
