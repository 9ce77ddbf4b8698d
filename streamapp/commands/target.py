"""Which platform a command is about that needs its stores, and not only its API."""

import os
from collections.abc import Mapping

from streamapp.devstack.runfile import read
from streamapp.settings import Settings


def platform_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings in the environment; servers that it does not name are those of the running `streamapp up`.

    Raises:
        SettingsError: a `STREAMAPP_` variable is wrong.
    """
    data_dir = Settings.load(environ).data_dir
    return Settings.load({**read(data_dir).get("environ", {}), **environ})
