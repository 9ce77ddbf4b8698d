"""What one process is."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field


class ProcessSettings(BaseModel):
    """This process."""

    roles: str = Field("", description="Roles of this worker, separated by commas; empty means every role.")
    models: str = Field(
        "",
        description="Models that take part, separated by commas, also as `name@precision`; empty: all of `agents/`.",
    )
    web_host: str = Field("127.0.0.1", description="Address that workers listen on for health, metrics and the API.")
    web_port: int = Field(0, ge=0, le=65535, description="Port of a worker's health and metrics; 0 takes a free one.")
    api_port: int = Field(8001, ge=0, le=65535, description="Port of the worker that runs the role `api`.")
    dashboard_port: int = Field(8000, ge=0, le=65535, description="Port of the dashboard started by `streamapp up`.")
    data_dir: Path = Field(Path(".streamapp"), description="Folder for embedded servers, tables and converted models.")
    data: str = Field(
        "", description="Pictures for producers and to calibrate int8 with: zip or folder `<split>/<class>/<file>`."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Lowest level that is logged.")
