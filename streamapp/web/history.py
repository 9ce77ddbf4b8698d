"""Figures of each model in the past, in buckets of time."""

from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field

from streamapp.records import now
from streamapp.storage import history
from streamapp.storage.comparison import Comparison, compare
from streamapp.storage.history import Distribution, PastBucket
from streamapp.web.context import ApiContext
from streamapp.web.inputs import Input, Moment, Text, Whole
from streamapp.web.operations import Operation

BUCKETS_S = {"1s": 1, "5s": 5, "10s": 10, "1m": 60, "5m": 300, "15m": 900, "1h": 3600, "6h": 21600, "1d": 86400}
#: Buckets of one answer at most, for each model: the newest.
MOST = 1000
USUAL = 60
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class HistoryQuery(Input):
    """Which time, in how long buckets."""

    begin: Moment | None = Field(None, alias="from", description="60 buckets before `to`, if it is left out.")
    end: Moment | None = Field(None, alias="to", description="Now, if it is left out.")
    bucket: Literal["1s", "5s", "10s", "1m", "5m", "15m", "1h", "6h", "1d"] = "1m"
    model: Text | None = None

    def span(self, present: datetime) -> tuple[datetime, datetime]:
        """Beginning, at the begin of a bucket, and end."""
        seconds = BUCKETS_S[self.bucket]
        end = self.end or present
        first = _floor(end, seconds, MOST - 1)
        begin = _floor(end, seconds, USUAL - 1) if self.begin is None else _floor(self.begin, seconds, 0)
        return max(begin, first), end


class History(BaseModel):
    """Buckets in which something happened, by time and model; others are left out.

    Of a time that has more than 1,000 buckets the newest are answered, and `from` says where they begin.
    """

    begin: AwareDatetime = Field(serialization_alias="from")
    end: AwareDatetime = Field(serialization_alias="to")
    bucket_s: int
    buckets: list[PastBucket]


class Minutes(Input):
    """Of which time."""

    minutes: Whole = Field(10, ge=1, le=1440, description="The last so many.")


class DistributionQuery(Minutes):
    """Of which time, and of which model."""

    model: Text | None = None


class Distributions(BaseModel):
    """The models that answered in this time, by name."""

    since: AwareDatetime
    until: AwareDatetime
    models: list[Distribution]


class Compared(Comparison):
    """What the models made of the images of this time."""

    since: AwareDatetime
    until: AwareDatetime


def operations(context: ApiContext) -> list[Operation]:
    """The operations of this noun."""

    async def past(query: HistoryQuery) -> History:
        """The figures of each model in buckets of time, from the database."""
        begin, end = query.span(now())
        seconds = BUCKETS_S[query.bucket]
        buckets = await history.read(context.db, seconds, begin, end, query.model)
        return History(begin=begin, end=end, bucket_s=seconds, buckets=buckets)

    async def distributions(query: DistributionQuery) -> Distributions:
        """How the times of each model were distributed over the last minutes, from the database."""
        until = now()
        since = until - timedelta(minutes=query.minutes)
        models = await history.distributions(context.db, since, until, query.model)
        return Distributions(since=since, until=until, models=models)

    async def comparison(query: Minutes) -> Compared:
        """What the models made of the same images over the last minutes: agreement, confusion and calibration.

        Labels count as they are now, and for trained weights only. Of very many answers the newest are compared, and
        `sampled` says so.
        """
        until = now()
        since = until - timedelta(minutes=query.minutes)
        found = await compare(context.db, since, until)
        return Compared(since=since, until=until, **dict(found))

    return [
        Operation("GET", "/stats/history", past),
        Operation("GET", "/stats/distributions", distributions),
        Operation("GET", "/stats/comparison", comparison),
    ]


def _floor(moment: datetime, seconds: int, back: int) -> datetime:
    """The begin of the bucket that a moment is in, or of one that is so many before it, as far as there is time."""
    number = (moment - _EPOCH) // timedelta(seconds=seconds) - back
    try:
        return _EPOCH + timedelta(seconds=seconds) * number
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)
