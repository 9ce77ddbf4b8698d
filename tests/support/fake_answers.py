"""The fake API's books beside its races: models, ledger, dead letters and alerts, in the API's own form."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from tests.support.fake_races import CLASSES, FakeModel, FakeWorld

STARTED = datetime.now(UTC) - timedelta(hours=5)


def model(model: FakeModel) -> dict[str, Any]:
    """What `/models` says of one."""
    low = model.skill - 0.012
    return {
        "model": model.name,
        "trained": model.trained,
        "model_version": "3f9a1c2",
        "architecture": model.name.title(),
        "weights": "cifar10",
        "runtime": "openvino",
        "precision": "bf16",
        "input_size": 224,
        "labels": list(CLASSES),
        "parameters": int(2.2e6 * model.inference_ms),
        "flops": 3e8 * model.inference_ms,
        "size_bytes": int(4.5e6 * model.inference_ms),
        "accuracy": {"value": model.skill, "low": low, "high": model.skill + 0.012, "pictures": 10000},
        "loaded_at": STARTED.isoformat(),
        "started_at": STARTED.isoformat(),
        "worker_count": 1,
        "last_reload": {
            "outcome": "unchanged",
            "by": "api",
            "request_id": "",
            "at": STARTED.isoformat(),
            "seconds": 0.3,
        },
        "reload_error": {"error": model.reload_error, "at": STARTED.isoformat()} if model.reload_error else None,
    }


def ledger(world: FakeWorld, lost: int = 0) -> dict[str, Any]:
    """What `/ledger` says; `lost` images have no outcome."""
    accepted = len(world.races) + lost
    accounts = [_account(model.name, world, accepted, lost) for model in world.models]
    return {
        "at": datetime.now(UTC).isoformat(),
        "idle": True,
        "adds_up": lost == 0,
        "accepted": accepted,
        "pending": 0,
        "unrecorded": 0,
        "lost": [str(uuid4()) for _ in range(lost)],
        "open_letters": sum(letter["status"] == "open" for letter in world.letters),
        "unreadable": 0,
        "models": accounts,
        "lags": {f"streamapp-{name}": 0 for name in ("stats", "recorder", *(model.name for model in world.models))},
        "replays": {},
    }


def _account(name: str, world: FakeWorld, accepted: int, lost: int) -> dict[str, Any]:
    dead = sum(name in race["dead"] for race in world.races)
    return {
        "model": name,
        "accepted": accepted,
        "predicted": accepted - dead - lost,
        "dead": dead,
        "shed": 0,
        "in_flight": lost,
        "strangers": 0,
        "stream": {"committed": accepted, "end": accepted, "lag": 0},
        "live": {"predictions": accepted - dead, "errors": dead, "shed": 0, "agrees": True},
        "adds_up": lost == 0,
        "missing": [],
    }


def letter(number: int, error: str = "the model took longer than 30 s") -> dict[str, Any]:
    """A dead letter."""
    return {
        "id": number,
        "group": "streamapp-resnet50",
        "topic": "images-input-stream",
        "partition": 0,
        "offset": number,
        "image_id": str(uuid4()),
        "model": "resnet50",
        "run_id": "live",
        "stage": "inference",
        "reason": "timeout",
        "error": error,
        "timestamp": (STARTED + timedelta(minutes=number)).isoformat(),
        "status": "open",
        "tries": 0,
        "settled_at": None,
        "value_bytes": 300,
        "outcome": "dead",
    }


def alert(number: int, firing: bool) -> dict[str, Any]:
    """An alert."""
    over = None if firing else (STARTED + timedelta(minutes=7)).isoformat()
    return {
        "id": number,
        "rule": "latency",
        "subject": "resnet50",
        "text": "95 % of the answers of resnet50 take up to 812 ms (limit 500 ms)",
        "value": 812.0,
        "limit": 500.0,
        "fired_at": STARTED.isoformat(),
        "resolved_at": over,
        "resolved_value": None,
        "state": "firing" if firing else "resolved",
    }


def rules() -> dict[str, Any]:
    """What `/alerts/rules` says."""
    limits = {"disagreement": 0.5, "camera-disagreement": 0.5, "latency": 2000.0, "errors": 0.05, "lag": 1000.0}
    windows = {"disagreement": 300, "camera-disagreement": 300, "latency": 60, "errors": 60}
    found = [
        {"rule": rule, "on": limit > 0, "limit": limit, "window_s": windows.get(rule)}
        for rule, limit in {**limits, "camera-silent": 0.0}.items()
    ]
    return {"rules": found, "every_s": 5.0, "hold_s": 15.0, "min_images": 50}


def system(world: FakeWorld) -> dict[str, Any]:
    """What `/system` says."""
    lags = {f"streamapp-{name}": 0 for name in ("stats", "recorder", *(model.name for model in world.models))}
    return {
        "at": datetime.now(UTC).isoformat(),
        "window_s": 1.0,
        "topics": {
            name: {"messages": times * len(world.races), "per_s": times * 2.5}
            for name, times in {"images-input-stream": 1, "predictions-output": 3, "verdicts-output": 1}.items()
        },
        "lags": lags,
        "objects": {"images": len(world.races), "bytes": 41_000 * len(world.races)},
        "database": {"bytes": 23_000_000, "connections": 6, "transactions_per_s": 31.0},
        "cache": {"hit_rate": 0.93, "hits": 930, "misses": 70, "bytes": 2_500_000},
        "roles": [
            {"role": name, "worker": f"{name}-1", "started_at": STARTED.isoformat(), "uptime_s": 18000.0}
            for name in ("api", "stats", "recorder")
        ],
    }
