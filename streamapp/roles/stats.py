"""The role `stats`: races, buckets and totals, see `streamapp.stats`."""

from collections.abc import Mapping

from streamapp import stats
from streamapp.roles.shared import Shared
from streamapp.runtime.spec import ModelSpec
from streamapp.stream import StreamApp


def register(app: StreamApp, specs: Mapping[str, ModelSpec], shared: Shared) -> None:
    """Add the tables, their agents and what they publish."""
    stats.register(app, shared.settings, specs, shared.metrics)
