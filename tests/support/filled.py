"""The API with at least one of everything in it, and requests as its own description has them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from streamapp.records import DeadLetter, base64_text
from streamapp.settings import Settings
from streamapp.storage.rows import Rows
from streamapp.web.answers import dumps
from streamapp.web.openapi import document
from streamapp.web.rest import operations
from tests.contract.examples import dead_letter, image, label, prediction, verdict
from tests.support.api import Api, running
from tests.unit.ingest import pictures
from tests.unit.web.doubles import make_context
from tests.unit.web.messages import state


@asynccontextmanager
async def filled(settings: Settings) -> AsyncIterator[tuple[Api, dict[str, str]]]:
    """The API, and what its paths can name: an id or a name by its noun."""
    async with running(settings) as api:
        one = image()
        image_id = one.image_id
        picture = pictures.jpeg()
        await api.context.objects.put(one.minio_path, picture, one.content_type)
        await api.context.db.insert_pending(one, 640, 480, len(picture))
        await api.context.db.mark_published({image_id})
        prediction_ = prediction(image_id)
        letter = DeadLetter.model_validate({**dict(dead_letter()), "value": base64_text(image(image_id).encode())})
        rows = Rows(predictions=[prediction_], verdicts=[verdict(image_id, 3, complete=True)])
        rows.labels, rows.dead_letters = [label(image_id, "cat")], [letter]
        await api.context.db.store(rows)
        async with api.context.db.connection() as connection:
            number = await connection.fetchval("SELECT max(id) FROM dead_letters")
        api.context.live.roster.put(state("mobilenet"))
        ids = {"images": str(image_id), "predictions": str(prediction_.prediction_id), "models": "mobilenet"}
        yield api, {**ids, "dead-letters": str(number)}


def described(guarded: bool = False) -> dict[str, Any]:
    """The OpenAPI document; `guarded`: of an API that asks for keys."""
    found: dict[str, Any] = json.loads(dumps(document(operations(make_context()), guarded=guarded)))
    return found
