"""The fake API's books beside its races: models, ledger, dead letters and alerts, in the API's own form."""

import math
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
        "text": "resnet50: p95 of the total is 812 ms, the limit is 500 ms",
        "value": 812.0,
        "limit": 500.0,
        "fired_at": STARTED.isoformat(),
        "resolved_at": over,
        "resolved_value": None,
        "state": "firing" if firing else "resolved",
    }


def system(world: FakeWorld) -> dict[str, Any]:
    """What `/system` says."""
    lags = {f"streamapp-{name}": 0 for name in ("stats", "recorder", *(model.name for model in world.models))}
    return {
        "at": datetime.now(UTC).isoformat(),
        "window_s": 1.0,
        "topics": {"images-input-stream": {"messages": len(world.races), "per_s": 2.5}},
        "lags": lags,
        "objects": {"images": len(world.races), "bytes": 41_000 * len(world.races)},
        "database": {"bytes": 23_000_000, "connections": 6, "transactions_per_s": 31.0},
        "cache": {"hit_rate": 0.93, "hits": 930, "misses": 70, "bytes": 2_500_000},
        "roles": [
            {"role": name, "worker": f"{name}-1", "started_at": STARTED.isoformat(), "uptime_s": 18000.0}
            for name in ("api", "stats", "recorder")
        ],
    }


def history(world: FakeWorld, begin: datetime, bucket_s: int) -> dict[str, Any]:
    """What `/stats/history` says: made-up figures in every bucket up to now."""
    present = datetime.now(UTC)
    count = int((present - begin).total_seconds() // bucket_s) + 1
    starts = [begin + timedelta(seconds=bucket_s * number) for number in range(count)]
    buckets = [_bucket(start, number, model) for number, start in enumerate(starts) for model in world.models]
    return {"from": begin.isoformat(), "to": present.isoformat(), "bucket_s": bucket_s, "buckets": buckets}


def _bucket(start: datetime, number: int, model: FakeModel) -> dict[str, Any]:
    wave = 1 + 0.2 * math.sin(number / 4 + model.inference_ms)
    labelled, median = 60, (model.inference_ms + 9) * wave
    return {
        "start": start.isoformat(),
        "model": model.name,
        "predictions": int(140 * wave),
        "errors": 0,
        "shed": 0,
        "labelled": labelled,
        "correct": round(labelled * min(model.skill * (0.95 + wave / 20), 1)),
        "avg_confidence": min(model.skill * (0.9 + wave / 12), 1),
        "avg_latency_ms": model.inference_ms * wave,
        "total_p50_ms": median,
        "total_p95_ms": median * 1.6,
        "accuracy": model.skill,
    }


def distributions(world: FakeWorld, minutes: int) -> dict[str, Any]:
    """What `/stats/distributions` says, from the races of the world."""
    until = datetime.now(UTC)
    since = until - timedelta(minutes=minutes)
    recent = [race for race in world.races if datetime.fromisoformat(race["timestamp"]) >= since]
    answers = [answer for race in recent for answer in race["predictions"]]
    models = [_spread(model.name, [one for one in answers if one["model"] == model.name]) for model in world.models]
    return {
        "since": since.isoformat(),
        "until": until.isoformat(),
        "models": [model for model in models if model["predictions"]],
    }


def _spread(model: str, answers: list[dict[str, Any]]) -> dict[str, Any]:
    """The quantiles of one model, from 0 to 100 %."""
    stages = {}
    for stage in ("queue", "fetch", "preprocess", "inference", "total") if answers else ():
        values = sorted(answer[f"{stage}_ms"] for answer in answers)
        stages[stage] = [round(values[share * (len(values) - 1) // 100], 3) for share in range(101)]
    return {"model": model, "predictions": len(answers), "stages": stages}
