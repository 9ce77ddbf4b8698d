"""All settings, read once from the environment (`STREAMAPP_<NAME>`), typed and frozen."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from streamapp.errors import SettingsError

PREFIX = "STREAMAPP_"


class Settings(BaseModel):
    """What can be set. Each field `name` is read from the variable `STREAMAPP_NAME`.

    Build it with `Settings.load()`; the defaults fit servers on their usual local ports.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # -- servers -----------------------------------------------------------------------------------
    broker: str = Field("kafka://127.0.0.1:9092", description="Kafka brokers, `kafka://host:port[;host:port]`.")
    broker_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How the brokers are spoken to."
    )
    broker_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", description="How user and password are sent, with SASL."
    )
    broker_user: str = Field("", description="User, with SASL.")
    broker_password: str = Field("", description="Password of that user.", repr=False)
    broker_ca: str = Field("", description="File of the certificates to trust, with TLS; empty: the system's.")
    broker_cert: str = Field("", description="File of our own certificate, where the brokers ask for one.")
    broker_key: str = Field("", description="File of its key; empty: it is in the same file.")
    database_url: str = Field(
        "postgresql://streamapp@127.0.0.1:5432/streamapp",
        description="PostgreSQL, with its password where it needs one.",
    )
    object_store_url: str = Field(
        "http://127.0.0.1:9000", description="S3 protocol endpoint, `http(s)://access:secret@host:port`."
    )
    redis_url: str = Field("redis://127.0.0.1:6379/0", description="Redis protocol cache.")

    # -- what this process is ----------------------------------------------------------------------
    roles: str = Field("", description="Roles of this worker, separated by commas; empty means every role.")
    models: str = Field(
        "",
        description="Models that take part, separated by commas, also as `name@precision`; empty: all of `agents/`.",
    )
    web_host: str = Field("127.0.0.1", description="Address that workers listen on for health, metrics and the API.")
    web_port: int = Field(0, ge=0, le=65535, description="Port of a worker's health and metrics; 0 takes a free one.")
    api_port: int = Field(8001, ge=0, le=65535, description="Port of the worker that runs the role `api`.")
    dashboard_port: int = Field(8000, ge=0, le=65535, description="Port of the dashboard started by `streamapp up`.")
    data_dir: Path = Field(Path(".streamapp"), description="Folder for embedded servers, tables and converted models.")
    data: str = Field(
        "", description="Pictures for producers and to calibrate int8 with: zip or folder `<split>/<class>/<file>`."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Lowest level that is logged.")

    # -- topics ------------------------------------------------------------------------------------
    partitions: int = Field(12, ge=1, description="Partitions of every topic.")
    replication_factor: int = Field(1, ge=1, description="Replicas of every topic that is created.")
    min_insync_replicas: int = Field(
        1, ge=1, description="Replicas that must have a message before it is acknowledged."
    )
    retention_minutes: int = Field(
        7 * 24 * 60, ge=1, description="How long topics that are not compacted keep messages."
    )
    inline_max_bytes: int = Field(
        64 * 1024, ge=0, description="Originals up to this size also travel in the message header `image`; 0: none."
    )
    empty_fetch_pause_ms: float = Field(
        0,
        ge=0,
        description="Pause after an empty fetch, for brokers that answer those at once.",
    )
    session_timeout_s: float = Field(12, ge=6, le=60, description="A worker that is silent this long leaves its group.")
    publish_timeout_s: float = Field(5, gt=0, description="How long ingest waits for the broker before it answers 503.")

    # -- models ------------------------------------------------------------------------------------
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

    # -- statistics --------------------------------------------------------------------------------
    race_deadline_s: float = Field(
        30, gt=0, description="After this time an image gets its verdict without the missing answers."
    )
    tick_s: float = Field(1, gt=0, description="How often deadlines are checked and partial figures published.")
    table_store: str = Field(
        "memory://", description="Store of the Faust tables: `memory://` or `rocksdb://?driver=rocksdict`."
    )

    # -- recorder ----------------------------------------------------------------------------------
    batch_rows: int = Field(500, ge=1, description="Rows that the recorder stores at once, at most.")
    batch_wait_s: float = Field(0.1, gt=0, description="Longest time a row waits for its batch.")
    sweep_after_s: float = Field(
        15, gt=0, description="Accepted images still unpublished after this time are sent again."
    )

    @classmethod
    def load(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings from `environ`.

        Raises:
            SettingsError: a variable has a wrong value, or a `STREAMAPP_` variable is not a setting.
        """
        values = {
            name.removeprefix(PREFIX).lower(): value
            for name, value in environ.items()
            if name.startswith(PREFIX) and name not in NOT_SETTINGS and value != ""
        }
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise SettingsError("; ".join(_sentence(detail) for detail in error.errors())) from None

    @property
    def threads(self) -> int:
        """Threads of one inference. By default half of the cores: where the other processes of the platform hold a
        core for a moment, an inference spread over all of them waits at every layer for the part on that core.
        """
        return self.inference_threads or max(1, (os.cpu_count() or 1) // 2)

    def environ(self) -> dict[str, str]:
        """The variables that make a child process read these very settings."""
        return {
            PREFIX + name.upper(): _as_text(getattr(self, name))
            for name, field in type(self).model_fields.items()
            if getattr(self, name) != field.default
        }


# Variables with our prefix that other programs of the project read (the dashboard, the command line, the tests).
NOT_SETTINGS = frozenset(PREFIX + name for name in ("API_URL", "COMPOSE_PROJECT", "TEST_DATA", "TEST_MODEL_CACHE"))


def _sentence(detail: Mapping[str, object]) -> str:
    """One line for a person: the variable, what is wrong, what was given."""
    location = detail["loc"]
    name = PREFIX + str(location[0] if isinstance(location, tuple) and location else "").upper()
    if detail["type"] == "extra_forbidden":
        return f"{name} is not a setting; docs/settings.md lists them all"
    return f"{name}: {detail['msg']} (given: {detail['input']!r})"


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
