"""The fake API's figures of the past: history, distributions and what models made of the same images."""

import math
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

from tests.support.fake_races import FakeModel, FakeWorld


def history(world: FakeWorld, begin: datetime, bucket_s: int) -> dict[str, Any]:
    """What `/stats/history` says: made-up figures in every bucket up to now, and the races of the world."""
    present = datetime.now(UTC)
    count = int((present - begin).total_seconds() // bucket_s) + 1
    starts = [begin + timedelta(seconds=bucket_s * number) for number in range(count)]
    buckets = [_bucket(start, number, model) for number, start in enumerate(starts) for model in world.models]
    by_start = {(bucket["start"], bucket["model"]): bucket for bucket in buckets}
    for race in world.races:
        seconds = (datetime.fromisoformat(race["timestamp"]) - begin).total_seconds()
        start = (begin + timedelta(seconds=seconds // bucket_s * bucket_s)).isoformat()
        for answer in race["predictions"] if race["label"] else ():
            if (bucket := by_start.get((start, answer["model"]))) is not None:
                bucket["labelled"] += 1
                bucket["correct"] += answer["prediction"] == race["label"]
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


def comparison(world: FakeWorld, minutes: int) -> dict[str, Any]:
    """What `/stats/comparison` says, from the races of the world."""
    until = datetime.now(UTC)
    since = until - timedelta(minutes=minutes)
    recent = [race for race in world.races if datetime.fromisoformat(race["timestamp"]) >= since]
    said = [{answer["model"]: answer["prediction"] for answer in race["predictions"]} for race in recent]
    names = sorted({model for each in said for model in each})
    pairs = [
        (one, other, [each for each in said if {one, other} <= each.keys()]) for one, other in combinations(names, 2)
    ]
    return {
        "since": since.isoformat(),
        "until": until.isoformat(),
        "images": len(recent),
        "sampled": False,
        "agreement": [
            {"model": one, "other": other, "images": len(both), "same": sum(each[one] == each[other] for each in both)}
            for one, other, both in pairs
            if both
        ],
        "models": [_compared(name, recent) for name in names],
    }


def _compared(model: str, recent: list[dict[str, Any]]) -> dict[str, Any]:
    answers = [
        (race["label"], answer)
        for race in recent
        for answer in race["predictions"]
        if race["label"] and answer["model"] == model and answer["trained"]
    ]
    counts = Counter((label, answer["prediction"]) for label, answer in answers)
    bins: dict[int, list[tuple[float, bool]]] = {}
    for label, answer in answers:
        right = answer["prediction"] == label
        bins.setdefault(min(int(answer["confidence"] * 10), 9), []).append((answer["confidence"], right))
    return {
        "model": model,
        "confusion": [{"label": a, "prediction": b, "images": images} for (a, b), images in sorted(counts.items())],
        "calibration": [
            {
                "answers": len(each),
                "correct": sum(r for _, r in each),
                "confidence": sum(c for c, _ in each) / len(each),
            }
            for _, each in sorted(bins.items())
        ],
    }


def _spread(model: str, answers: list[dict[str, Any]]) -> dict[str, Any]:
    """The quantiles of one model, from 0 to 100 %."""
    stages = {}
    for stage in ("queue", "fetch", "preprocess", "lane", "inference", "total") if answers else ():
        values = sorted(answer[f"{stage}_ms"] for answer in answers)
        stages[stage] = [round(values[share * (len(values) - 1) // 100], 3) for share in range(101)]
    return {"model": model, "predictions": len(answers), "stages": stages}
