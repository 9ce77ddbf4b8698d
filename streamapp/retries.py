"""The headers of a message that is sent again: which group it is for, and what went before."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

ONLY, TRIES, OFFSET, AMENDS = "only", "tries", "offset", "amends"


@dataclass(frozen=True)
class Retry:
    """A message that only one group shall do again: the others have done it, and acknowledge it untouched.

    `tries` counts the times that it has failed so far, `offset` is where it was read the last time. `amends` is the
    time of the dead letter that was a model's outcome for an image: a new outcome takes its place.
    """

    only: str
    tries: int
    offset: int
    amends: datetime | None = None

    def headers(self) -> dict[str, bytes]:
        """For the message that is sent again."""
        texts = {ONLY: self.only, TRIES: str(self.tries), OFFSET: str(self.offset)}
        if self.amends:
            texts[AMENDS] = self.amends.isoformat()
        return {name: text.encode() for name, text in texts.items()}

    @classmethod
    def of(cls, message: Any) -> Self | None:
        """What a message (`.headers`, `.offset`) says of itself; None for one that is sent the first time.

        A history that cannot be read is left out, for whom it is meant counts all the same.
        """
        # Kafka lets a header have no value; it is as if it were not there.
        headers = {name: value for name, value in dict(message.headers or ()).items() if value is not None}
        if ONLY not in headers:
            return None
        only = bytes(headers[ONLY]).decode(errors="replace")
        try:
            tries, offset = int(headers[TRIES]), int(headers[OFFSET])
            amends = datetime.fromisoformat(bytes(headers[AMENDS]).decode()) if AMENDS in headers else None
            if amends and amends.tzinfo is None:
                raise ValueError
        except (KeyError, ValueError):
            return cls(only, 1, message.offset)
        return cls(only, max(1, tries), offset, amends)


def is_for(message: Any, group: str) -> bool:
    """Whether this group shall do a message: all shall, unless it is sent again for another one."""
    retry = Retry.of(message)
    return retry is None or retry.only == group
