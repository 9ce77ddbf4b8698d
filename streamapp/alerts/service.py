"""The alerts of one process of the API: a watch, its connection to the broker, and its webhook."""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress

from streamapp.alerts.lags import Lags
from streamapp.alerts.watch import Live, Watch
from streamapp.alerts.webhook import BASE64, Webhook, key_of
from streamapp.errors import SettingsError
from streamapp.records import Verdict
from streamapp.settings import Settings
from streamapp.storage.alerts import Alert, AlertStore


class Alerts:
    """Put together from the settings; takes every verdict, and runs beside everything else."""

    def __init__(
        self,
        settings: Settings,
        models: Collection[str],
        store: AlertStore,
        live: Live,
        figures_known: Callable[[], bool],
    ) -> None:
        self._webhook = webhook(settings)
        self._lags = Lags(settings, models)
        self._watch = Watch(
            settings, store, live, lags=self._lags.read, figures_known=figures_known, notify=self._notify
        )
        self.take = self._watch.verdict if settings.alert_every_s else _ignored

    async def run(self) -> None:
        """Watch, and post what changes, until cancelled."""
        delivery = asyncio.create_task(self._webhook.run()) if self._webhook else None
        try:
            await self._watch.run()
        finally:
            await self._lags.close()
            if delivery:
                delivery.cancel()
                with suppress(asyncio.CancelledError):
                    await delivery

    def _notify(self, alert: Alert) -> None:
        if self._webhook:
            self._webhook.send(alert)


def webhook(settings: Settings) -> Webhook | None:
    """The webhook of these settings; None where there is none.

    Raises:
        SettingsError: its URL is none, or there is no secret to sign with.
    """
    url, secret = settings.alert_webhook_url, settings.alert_webhook_secret
    if not url:
        return None
    if not url.startswith(("http://", "https://")):
        raise SettingsError("STREAMAPP_ALERT_WEBHOOK_URL must begin with http:// or https://")
    if not secret:
        raise SettingsError("STREAMAPP_ALERT_WEBHOOK_URL needs STREAMAPP_ALERT_WEBHOOK_SECRET to sign what is posted")
    try:
        key_of(secret)
    except ValueError as error:
        raise SettingsError(
            f"STREAMAPP_ALERT_WEBHOOK_SECRET begins with {BASE64}, and what follows is no base64"
        ) from error
    return Webhook(url, secret)


def _ignored(_: Verdict) -> None:
    """Nobody watches."""
