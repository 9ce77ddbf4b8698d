"""What `streamapp up` can be asked for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class UpOptions:
    """The options of one run of `streamapp up`.

    Attributes:
        demo: also start the producer of the demonstration stream.
        servers_only: only the embedded servers, no worker and no dashboard.
        dashboard: start the dashboard.
        workers: workers per role (the role `api` always has one).
        rate: images per second of the demonstration; None leaves it to the producer.
        stream: which stream the demonstration sends; empty leaves it to the producer.
    """

    demo: bool = False
    servers_only: bool = False
    dashboard: bool = True
    workers: int = 1
    rate: float | None = None
    stream: str = ""
