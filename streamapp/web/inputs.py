"""What a request says, checked against the models of an operation: path, query, headers and JSON body."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, TypeVar, get_args

import orjson
from aiohttp import web
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from streamapp.errors import RequestRefused

#: A JSON body that has not arrived after this many seconds is given up.
BODY_S = 20
#: Wrong parameters that a refusal names at most.
NAMED = 10


M = TypeVar("M", bound="Input")


class Input(BaseModel):
    """One part of a request. Where it is a path, `noun` is what the path names, for the answer that there is none."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    noun: ClassVar[str] = "such page"


def _moment(value: object) -> object:
    """Only the text of RFC 3339: pydantic would read numbers as times too."""
    if not isinstance(value, str) or len(value) < 20 or value[4] != "-":
        raise PydanticCustomError("moment", "must be a time with its zone, such as 2026-11-22T12:00:00Z")
    return value


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("moment", "is too far away") from None


def _whole(value: object) -> object:
    """To JSON, 1.0 is a whole number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]
Moment = Annotated[AwareDatetime, Strict(False), BeforeValidator(_moment), AfterValidator(_utc)]
#: Text that PostgreSQL can hold.
Text = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]


async def read(request: web.Request, part: str, model: type[Input]) -> Input:
    """One part of a request: `path`, `query`, `headers` or `body`.

    Raises:
        RequestRefused: it is not as the model wants it.
        HTTPNotFound: the path names something that cannot be.
        HTTPUnsupportedMediaType: the body is no JSON.
        HTTPRequestTimeout: the body does not arrive.
    """
    if part == "path":
        return _place(model, request.match_info)
    if part == "body":
        return checked(model, "body", await json_body(request))
    return checked(model, part, _parameters(model, _query(request) if part == "query" else _headers(model, request)))


def _query(request: web.Request) -> dict[str, str]:
    twice = {name for name in request.query if len(request.query.getall(name)) > 1}
    if twice:
        raise RequestRefused([{"in": "query", "name": name, "detail": "is there twice"} for name in sorted(twice)])
    return dict(request.query)


def _headers(model: type[Input], request: web.Request) -> dict[str, str]:
    names = [field.alias or name for name, field in model.model_fields.items()]
    return {name: request.headers[name] for name in names if name in request.headers}


def _place(model: type[Input], found: Any) -> Input:
    try:
        return checked(model, "path", _parameters(model, dict(found)))
    except RequestRefused:
        raise web.HTTPNotFound(text=f"there is no {model.noun} {' '.join(found.values())[:100]}") from None


def _parameters(model: type[Input], texts: dict[str, str]) -> bytes:
    """As JSON. Numbers and truth values are written as in JSON; everything else is text."""
    plain = {field.alias or name for name, field in model.model_fields.items() if _is_plain(field.annotation)}
    values = {name: _plain(text) if name in plain else text for name, text in texts.items()}
    try:
        return orjson.dumps(values)
    except TypeError:
        raise RequestRefused([{"in": "query", "name": "", "detail": "is not UTF-8"}]) from None


def _is_plain(annotation: Any) -> bool:
    return annotation in (int, float, bool) or bool({int, float, bool} & set(get_args(annotation)))


def _plain(text: str) -> Any:
    try:
        found = orjson.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, int | float) and text.strip() == text else text


async def json_body(request: web.Request) -> bytes:
    """The body of a request, which is said to be JSON; raises HTTPUnsupportedMediaType, HTTPRequestTimeout and
    HTTPBadRequest.
    """
    try:
        async with asyncio.timeout(BODY_S):
            body = await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout(text=f"the body did not arrive within {BODY_S} s") from None
    except web.RequestPayloadError as error:
        raise web.HTTPBadRequest(text=f"the body cannot be read: {error}") from None
    packed = request.headers.get("Content-Encoding", "identity").lower() != "identity"
    if body and (packed or request.content_type != "application/json"):
        raise web.HTTPUnsupportedMediaType(text="send the body as application/json, without Content-Encoding")
    return body or b"{}"


def checked(model: type[M], part: str, data: bytes) -> M:
    """JSON as a model wants it; raises RequestRefused, with `part` as where it is from."""
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)[:NAMED]
        wrong = [{"in": part, "name": ".".join(map(str, one["loc"])), "detail": one["msg"]} for one in found]
        raise RequestRefused(wrong) from None
