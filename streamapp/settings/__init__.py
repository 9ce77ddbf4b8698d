"""All settings, read once from the environment (`STREAMAPP_<NAME>`), typed and frozen."""

import os
from collections.abc import Mapping

from pydantic import ConfigDict, ValidationError

from streamapp.errors import SettingsError
from streamapp.settings.alerts import AlertSettings
from streamapp.settings.models import ModelSettings, StatisticsSettings
from streamapp.settings.process import ProcessSettings
from streamapp.settings.servers import RecorderSettings, ServerSettings, TopicSettings
from streamapp.settings.web import WebSettings

PREFIX = "STREAMAPP_"


# Fields come in the order of the data flow: pydantic reads the bases from the last to the first.
class Settings(
    WebSettings,
    AlertSettings,
    RecorderSettings,
    StatisticsSettings,
    ModelSettings,
    TopicSettings,
    ProcessSettings,
    ServerSettings,
):
    """What can be set. Each field `name` is read from the variable `STREAMAPP_NAME`.

    Build it with `Settings.load()`; the defaults fit servers on their usual local ports.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

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
NOT_SETTINGS = frozenset(
    PREFIX + name
    for name in (
        *("API_TOKEN", "API_URL"),
        *("TEST_DATA", "TEST_EXAMPLES", "TEST_MODEL_CACHE", "TEST_SEEDS", "TEST_SHOTS"),
    )
)


def _sentence(detail: Mapping[str, object]) -> str:
    """One line for a person: the variable, what is wrong, what was given."""
    location = detail["loc"]
    name = PREFIX + str(location[0] if isinstance(location, tuple) and location else "").upper()
    if detail["type"] == "extra_forbidden":
        return f"{name} is not a setting; docs/settings.md lists them all"
    secret = (field := Settings.model_fields.get(name.removeprefix(PREFIX).lower())) is not None and not field.repr
    return f"{name}: {detail['msg']}" + ("" if secret else f" (given: {detail['input']!r})")


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
