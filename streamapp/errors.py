"""Every error that the project raises on purpose.

StreamappError
├── SettingsError              a setting is missing or has a wrong value
├── ModelError                 a model cannot be found, converted, loaded or run
│   ├── NotRegistered          there is no model registry, or it has no such model, version or alias
│   └── RegistryUnavailable    the model registry does not answer; trying again may help
├── BrokerError
│   ├── BrokerUnavailable      no broker answers; trying again may help
│   ├── TopicMismatch          a topic exists with another number of partitions
│   └── PublishFailed          the broker did not acknowledge a message in time
├── RequestRefused             an HTTP request is not as its operation wants it
├── ReaderTooSlow              a reader of live events was left because it fell too far behind
├── RecordError                a message on a topic cannot be decoded
├── LetterRefused              a dead letter cannot be sent again, or given up, as it is
├── ReplayError                a replay cannot be run as asked
├── StorageError
│   ├── StoreUnavailable       a store does not answer; trying again may help
│   ├── RowRefused             PostgreSQL refuses this row for what it contains
│   ├── SchemaMismatch         a migration file differs from the one that was applied
│   └── ObjectMissing          the object store has no such object
├── ImageRejected              an upload is not an image that we take
│   ├── EmptyUpload
│   ├── UnsupportedFormat
│   ├── ImageTooLarge          too many bytes
│   ├── TooManyPixels
│   └── UndecodableImage
├── SourceError                a camera, a folder or a data set cannot be read
├── TrainingError              a model cannot be trained or evaluated as asked
├── ApiError                   the HTTP API does not answer, or refuses a request
└── DevStackError              an embedded server cannot be started or is running already

The message of an error says what happened and how to mend it. HTTP statuses are mapped in `streamapp.web`.
"""


class StreamappError(Exception):
    """Base of every error raised on purpose; its text is meant for a person."""


class RequestRefused(StreamappError):
    """A part of a request is not as it must be; each of `wrong` says where (`in`), which parameter (`name`) and why."""

    def __init__(self, wrong: list[dict[str, str]]) -> None:
        super().__init__("; ".join(f"{one['name'] or one['in']}: {one['detail']}" for one in wrong))
        self.wrong = wrong


class Unauthorized(StreamappError):
    """A request does not say whose it is, or not so that it can be believed."""


class Forbidden(StreamappError):
    """The caller is known, and may not do this."""


class TooManyRequests(StreamappError):
    """A caller has asked more often than it may; it may again after `retry_after_s` seconds."""

    def __init__(self, text: str, retry_after_s: int) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


class ReaderTooSlow(StreamappError):
    """A reader of live events fell too far behind, and gets no more of them."""


class SettingsError(StreamappError):
    """A setting is missing or has a wrong value; the text names the variable."""


class ModelError(StreamappError):
    """A model cannot be found, converted, loaded or run."""


class NotRegistered(ModelError):
    """There is no model registry yet, or it has no such model, version or alias."""


class RegistryUnavailable(ModelError):
    """The model registry does not answer; the same call may succeed later."""


class BrokerError(StreamappError):
    """The broker cannot be used as asked."""


class BrokerUnavailable(BrokerError):
    """No broker answers; the same call may succeed later."""


class TopicMismatch(BrokerError):
    """A topic exists with another number of partitions than the settings ask for."""


class PublishFailed(BrokerError):
    """The broker did not acknowledge a message in time."""


class RecordError(StreamappError):
    """A message on a topic cannot be decoded."""


class LetterRefused(StreamappError):
    """A dead letter cannot be sent again, or given up, as it is; the text says why."""


class ReplayError(StreamappError):
    """A replay cannot be run as asked."""


class StorageError(StreamappError):
    """A store failed."""


class StoreUnavailable(StorageError):
    """A store does not answer; the same call may succeed later. `store` is its name in the metrics, where known."""

    def __init__(self, text: str, store: str = "") -> None:
        super().__init__(text)
        self.store = store


class RowRefused(StorageError):
    """PostgreSQL refuses a row for what it contains; the same call will never succeed."""


class SchemaMismatch(StorageError):
    """A migration file differs from the one that was applied to this database."""


class ObjectMissing(StorageError):
    """The object store has no object under this path."""


class ImageRejected(StreamappError):
    """An upload is not an image that the platform takes."""


class EmptyUpload(ImageRejected):
    """The upload has no bytes."""


class UnsupportedFormat(ImageRejected):
    """The content is not JPEG, PNG or WebP."""


class ImageTooLarge(ImageRejected):
    """The upload has more bytes than allowed."""


class TooManyPixels(ImageRejected):
    """The image has more pixels than allowed, by its header."""


class UndecodableImage(ImageRejected):
    """The content claims a supported format and cannot be decoded."""


class SourceError(StreamappError):
    """A camera, a folder or a data set cannot be read."""


class TrainingError(StreamappError):
    """A model cannot be trained or evaluated as asked."""


class ApiError(StreamappError):
    """The HTTP API does not answer, or refuses a request; raised by its clients."""


class DevStackError(StreamappError):
    """An embedded server cannot be started, or one is running already."""
