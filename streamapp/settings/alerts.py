"""When somebody is told that something is wrong, and where."""

from pydantic import BaseModel, Field


class AlertSettings(BaseModel):
    """Alerts."""

    alert_every_s: float = Field(5, ge=0, description="How often the rules are looked at; 0: never.")
    alert_hold_s: float = Field(15, ge=0, description="How long a figure must be bad, or good again, before it counts.")
    alert_window_s: int = Field(300, ge=10, description="The images of this time count for the disagreement of models.")
    alert_min_images: int = Field(50, ge=1, description="Fewer images than these say nothing about a rate.")
    alert_disagreement: float = Field(
        0.5, ge=0, le=1, description="Share of images that the models disagree about; 0: no alert."
    )
    alert_latency_ms: float = Field(
        2000, ge=0, description="95 % of a minute's images are answered by each model within this time; 0: no alert."
    )
    alert_error_rate: float = Field(
        0.05, ge=0, le=1, description="Share of a minute's images that a model gives up; 0: no alert."
    )
    alert_lag: int = Field(1000, ge=0, description="Messages that a consumer group is behind; 0: no alert.")
    alert_camera_silent_s: float = Field(60, ge=0, description="Time without an image of a camera; 0: no alert.")
    alert_webhook_url: str = Field("", description="Where alerts are posted to; empty: nowhere.")
    alert_webhook_secret: str = Field(
        "", repr=False, description="The key that signs what is posted; needed with the URL."
    )
