"""Arguments are those of the REST routes, and are checked by the same models."""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar, cast

import orjson

from streamapp.errors import RequestRefused
from streamapp.web import inputs
from streamapp.web.cursors import Timed
from streamapp.web.graphql.kinds import where
from streamapp.web.images import ImageQuery
from streamapp.web.inputs import Input
from streamapp.web.predictions import PredictionQuery
from streamapp.web.verdicts import VerdictQuery

M = TypeVar("M", bound=Input)


@where(ImageQuery, without=("limit", "before"))
class ImageWhere:
    """Which images; what is left out means any."""


@where(PredictionQuery, without=("limit", "before"))
class PredictionWhere:
    """Which predictions; what is left out means any, but for `run`: the live ones."""


@where(VerdictQuery, without=tuple(Timed.model_fields))
class VerdictWhere:
    """Which verdicts; what is left out means any."""


def checked(model: type[M], given: Mapping[str, Any], which: object = None) -> M:
    """Arguments, and the fields of an input object, as a route would have them from a request.

    Raises:
        RequestRefused: they are not as the model wants them.
    """
    fields = dataclasses.asdict(cast(Any, which)) if which is not None else {}
    said = {name: value for name, value in {**given, **fields}.items() if value is not None}
    try:
        data = orjson.dumps(said)
    except TypeError:  # a string that is no Unicode text, or a number beyond 64 bits
        raise RequestRefused([{"in": "arguments", "name": "", "detail": "cannot be read"}]) from None
    return inputs.checked(model, "arguments", data)
