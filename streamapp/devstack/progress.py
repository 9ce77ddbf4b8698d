"""The progress line of `streamapp up`, built from the statistics of the API."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from typing import Any

from mode import Service

from streamapp.devstack import health
from streamapp.devstack.log import LogBook
from streamapp.ingest.target import credentials

EVERY_S = 10.0


class Progress(Service):
    """Says every ten seconds what the models have done; silent while the API does not answer."""

    def __init__(self, api_url: str, book: LogBook, **options: Any) -> None:
        super().__init__(**options)
        self._url = f"{api_url}/api/v1/stats?window=1m"
        self._headers = credentials()
        self._book = book

    @Service.task
    async def _report(self) -> None:
        async for _ in self.itertimer(EVERY_S, name="progress"):
            try:
                stats = json.loads(await asyncio.to_thread(health.fetch, self._url, self._headers))
            except (OSError, HTTPException, ValueError):
                continue
            self._book.say(progress_line(stats["models"]))


def progress_line(models: Sequence[Mapping[str, Any]]) -> str:
    """Images per second over the last minute, and each model's total."""
    if not models:
        return "no predictions yet"
    rate = max(model["throughput_imgs_per_sec"] or 0 for model in models)
    return f"{rate:.1f} images/s · " + " · ".join(_total(model) for model in models)


def _total(model: Mapping[str, Any]) -> str:
    errors = f", {model['errors']:,} errors" if model.get("errors") else ""
    untrained = "" if model.get("trained", True) else " (untrained)"
    return f"{model['model_name']}{untrained} {model['total_predictions']:,}{errors}"
