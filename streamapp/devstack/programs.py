"""The command lines of everything that is not a server: model preparation, workers, dashboard, producer."""

import os
from dataclasses import dataclass

from streamapp.devstack.child import Command, python
from streamapp.devstack.options import UpOptions
from streamapp.devstack.ports import PortBook
from streamapp.roles import SERVICES, chosen_roles
from streamapp.settings import PREFIX, Settings

API = "api"
FIRST_WEB_PORT = 8101
# Tiers above the servers': the higher, the earlier they stop.
WORKERS, FRONT = 1, 2
ANY_ADDRESS = ("0.0.0.0", "::", "")


@dataclass(frozen=True)
class Worker:
    """A worker to start: its command line and where it says that it is ready; whether it needs converted models."""

    role: str
    command: Command
    ready_url: str
    needs_models: bool


@dataclass(frozen=True)
class Programs:
    """What runs on the servers of one stack: by these settings and options, in this environment."""

    settings: Settings
    options: UpOptions
    environ: dict[str, str]

    @classmethod
    def on(cls, settings: Settings, options: UpOptions, servers: dict[str, str]) -> "Programs":
        """What runs on the servers that the variables `servers` name. Its lines come out at once."""
        return cls(settings, options, {**os.environ, **settings.environ(), **servers, "PYTHONUNBUFFERED": "1"})

    @property
    def worker_settings(self) -> Settings:
        """The settings as the workers read them."""
        return Settings.load(self.environ)

    @property
    def roles(self) -> list[str]:
        """The roles to run: those of STREAMAPP_ROLES, or every model and every service."""
        return chosen_roles(self.settings)

    @property
    def models(self) -> list[str]:
        """The roles that run a model."""
        return [role for role in self.roles if role not in SERVICES]

    def prepare_models(self) -> Command:
        """The job that converts what is missing in the cache of models."""
        argv = python("-m", "streamapp", "models", "prepare")
        return Command("models", argv, self.environ, WORKERS, finishes=True, restarts=False)

    def workers(self, ports: PortBook, api_port: int) -> list[Worker]:
        """One worker for each role, or as many as the options say; the API has one."""
        made = []
        for role in self.roles:
            for number in range(1, 1 + (1 if role == API else self.options.workers)):
                port = api_port if role == API else ports.claim(FIRST_WEB_PORT)
                made.append(self._worker(f"{role}-{number}", role, port))
        return made

    def dashboard(self, port: int, api_url: str) -> Command:
        """The Dash app."""
        argv = python("-m", "dash_ui", "--port", str(port), "--api-url", api_url)
        return Command("dashboard", argv, self.environ, FRONT)

    def producer(self, api_url: str) -> Command:
        """The stream of the demonstration, which the platform can do without: it may lack data or an API key."""
        rate = ("--rate", f"{self.options.rate:g}") if self.options.rate else ()
        stream = ("--stream", self.options.stream) if self.options.stream else ()
        argv = python("-m", "streamapp", "produce", "demo", *rate, *stream, "--api-url", api_url)
        return Command("producer", argv, self.environ, FRONT, finishes=True, essential=False)

    def _worker(self, name: str, role: str, port: int) -> Worker:
        variable = "API_PORT" if role == API else "WEB_PORT"
        environ = {**self.environ, f"{PREFIX}ROLES": role, PREFIX + variable: str(port)}
        command = Command(name, python("-m", "streamapp", "worker"), environ, WORKERS)
        return Worker(role, command, f"{base_url(self.settings, port)}/readyz", role in self.models)


def base_url(settings: Settings, port: int) -> str:
    """Where a worker's web server answers on this host."""
    host = "127.0.0.1" if settings.web_host in ANY_ADDRESS else settings.web_host
    host = f"[{host}]" if ":" in host else host  # IPv6 (RFC 3986, section 3.2.2)
    return f"{'https' if settings.tls_cert else 'http'}://{host}:{port}"
