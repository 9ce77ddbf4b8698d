"""Where the servers are, what is in the topics, and what the recorder does."""

from typing import Literal

from pydantic import BaseModel, Field


class ServerSettings(BaseModel):
    """Servers."""

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


class TopicSettings(BaseModel):
    """Topics."""

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
    publish_timeout_s: float = Field(
        5, gt=0, le=5, description="How long ingest waits for the broker before it answers 503; 5 at most."
    )


class RecorderSettings(BaseModel):
    """The recorder."""

    batch_rows: int = Field(500, ge=1, description="Rows that the recorder stores at once, at most.")
    batch_wait_s: float = Field(0.1, gt=0, description="Longest time a row waits for its batch.")
    sweep_after_s: float = Field(
        15, gt=0, description="Accepted images still unpublished after this time are sent again."
    )
