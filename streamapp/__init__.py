"""streamapp: images in over Kafka, several models' answers out, live and with statistics."""

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Build the Faust app on first use of `streamapp.app` (`faust -A streamapp worker`)."""
    if name == "app":
        from streamapp.application import create_app
        from streamapp.settings import Settings

        app = create_app(Settings.load())
        globals()["app"] = app
        return app
    raise AttributeError(f"module 'streamapp' has no attribute {name!r}")
