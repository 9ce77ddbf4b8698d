"""Dead letters: listed, shown, sent again to the group that failed, or given up."""

from base64 import b64encode
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Literal, Protocol, cast, get_args

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from streamapp.errors import LetterRefused
from streamapp.resend import Resender
from streamapp.roles import all_roles
from streamapp.storage.letters import Filter, LetterStore, Status, WholeLetter
from streamapp.web.answers import API, json_answer, not_found
from streamapp.web.context import ApiContext
from streamapp.web.numbers import whole_number

#: Letters that one request settles at most; its answer says where the next one goes on.
AT_ONCE = 200
DEFAULT_LIMIT, MAX_LIMIT = 50, 200
LARGEST_ID = 2**63 - 1


class Order(BaseModel):
    """The body of a request to settle letters; of one that is about a single letter, only `dry_run` counts."""

    model_config = ConfigDict(extra="forbid")

    model: str | None = None
    reason: str | None = None
    stage: str | None = None
    since: AwareDatetime | None = None
    dry_run: bool = False
    after: int = Field(default=0, ge=0, le=LARGEST_ID)


class Settle(Protocol):
    """`Resender.retry` or `Resender.discard`."""

    def __call__(self, letter_id: int, *, dry_run: bool = False) -> Awaitable[None]: ...  # noqa: D102


def routes(context: ApiContext) -> list[web.RouteDef]:
    """The routes of this noun."""
    letters, noun = DeadLetters(context), f"{API}/dead-letters"
    found = [web.get(noun, letters.page), web.get(f"{noun}/{{id}}", letters.one)]
    for verb in ("retry", "discard"):
        found.append(web.post(f"{noun}/{{id}}/{verb}", letters.settle_one(cast(Any, verb))))
        found.append(web.post(f"{noun}/{verb}", letters.settle_all(cast(Any, verb))))
    return found


class DeadLetters:
    """Handlers on a context."""

    def __init__(self, context: ApiContext) -> None:
        settings = context.settings
        self._store = LetterStore(context.db)
        roles, partitions = all_roles(settings), settings.partitions
        resender = Resender(self._store, context.objects.get, context.send, roles, partitions)
        self._verbs: dict[str, Settle] = {"retry": resender.retry, "discard": resender.discard}

    async def page(self, request: web.Request) -> web.StreamResponse:
        """Letters, newest first."""
        query = request.query
        status = query.get("status")
        if status is not None and status not in get_args(Status):
            raise web.HTTPBadRequest(text=f"status must be one of {', '.join(get_args(Status))}")
        limit = whole_number(request, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT)
        before = whole_number(request, "before", LARGEST_ID, 1, LARGEST_ID)
        which = Filter(query.get("model"), query.get("reason"), query.get("stage"), _since(query.get("since")))
        found = await self._store.page(which, cast(Status | None, status), limit + 1, before)
        shown = found[:limit]
        return json_answer({"dead_letters": shown, "next": shown[-1].id if len(found) > limit else None})

    async def one(self, request: web.Request) -> web.StreamResponse:
        """A letter with the original message's value."""
        return json_answer(_shown(await self._known(request)))

    def settle_one(self, verb: Literal["retry", "discard"]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """The handler that retries or discards one letter: 202 when that is done, 409 where it cannot be."""

        async def handler(request: web.Request) -> web.StreamResponse:
            letter, order = await self._known(request), await _order(request)
            await self._verbs[verb](letter.id, dry_run=order.dry_run)
            return json_answer(_shown(await self._known(request)), status=200 if order.dry_run else 202)

        return handler

    def settle_all(self, verb: Literal["retry", "discard"]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """The handler that retries or discards every open letter that fits, or says which those are."""

        async def handler(request: web.Request) -> web.StreamResponse:
            order = await _order(request)
            which = Filter(order.model, order.reason, order.stage, order.since)
            found = await self._store.open_after(which, order.after, AT_ONCE + 1)
            settled, refused = await self._settle(self._verbs[verb], found[:AT_ONCE], order.dry_run)
            more = found[AT_ONCE - 1] if len(found) > AT_ONCE else None
            answer = {"dry_run": order.dry_run, "settled": settled, "refused": refused, "next": more}
            return json_answer(answer, status=200 if order.dry_run else 202)

        return handler

    async def _settle(
        self, settle: Settle, letters: list[int], dry_run: bool
    ) -> tuple[list[int], list[dict[str, object]]]:
        """Those that are settled, and those that cannot be, with the reason."""
        settled: list[int] = []
        refused: list[dict[str, object]] = []
        for letter_id in letters:
            try:
                await settle(letter_id, dry_run=dry_run)
                settled.append(letter_id)
            except LetterRefused as error:
                refused.append({"id": letter_id, "detail": str(error)})
        return settled, refused

    async def _known(self, request: web.Request) -> WholeLetter:
        text = request.match_info["id"]
        known = text.isascii() and text.isdigit() and len(text) < 19
        letter = await self._store.one(int(text)) if known else None
        if letter is None:
            raise not_found("dead letter", text)
        return letter


def _shown(letter: WholeLetter) -> dict[str, Any]:
    """A letter with its value, as text too where it is text."""
    try:
        text: str | None = letter.value.decode()
    except UnicodeDecodeError:
        text = None
    return {**letter.model_dump(), "value": b64encode(letter.value).decode(), "text": text}


async def _order(request: web.Request) -> Order:
    try:
        return Order.model_validate_json(await request.read() or b"{}")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the body"
        raise web.HTTPBadRequest(text=f"{where}: {first['msg']}") from None


def _since(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        since = datetime.fromisoformat(text)
        if since.tzinfo is None:
            raise ValueError
    except ValueError:
        raise web.HTTPBadRequest(text="since must be a time with its zone, such as 2026-11-22T12:00:00Z") from None
    return since
