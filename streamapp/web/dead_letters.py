"""Dead letters: listed, shown, sent again to the group that failed, or given up."""

from base64 import b64encode
from collections.abc import Awaitable
from typing import Protocol

from pydantic import BaseModel, Field

from streamapp.errors import LetterRefused
from streamapp.resend import Resender
from streamapp.roles import all_roles
from streamapp.storage.letters import Filter, Letter, LetterStore, Status, WholeLetter
from streamapp.web.answers import not_found
from streamapp.web.context import ApiContext
from streamapp.web.inputs import Input, Moment, Text, Whole
from streamapp.web.operations import Operation, Reply

#: Letters that one request settles at most; its answer says where the next one goes on.
AT_ONCE = 200
LARGEST_ID = 2**63 - 1


class LetterPath(Input):
    """Which letter."""

    noun = "dead letter"
    id: int = Field(ge=1, le=LARGEST_ID)


class Which(Input):
    """Which letters; what is left out means any."""

    model: Text | None = None
    reason: Text | None = None
    stage: Text | None = None
    since: Moment | None = Field(None, description="Written at this time or later.")

    def filter(self) -> Filter:
        """As the store has it."""
        return Filter(self.model, self.reason, self.stage, self.since)


class LetterQuery(Which):
    """Which letters, and which page of them."""

    status: Status | None = None
    limit: int = Field(50, ge=1, le=200)
    before: int = Field(LARGEST_ID, ge=1, le=LARGEST_ID, description="`next` of the answer before.")


class SettleOne(Input):
    """How a letter is settled."""

    dry_run: bool = Field(False, description="Only say whether it could be done.")


class SettleAll(Which, SettleOne):
    """Which letters are settled, and how."""

    after: Whole = Field(0, ge=0, le=LARGEST_ID, description="`next` of the answer before.")
    through: Whole = Field(LARGEST_ID, ge=0, le=LARGEST_ID, description="`through` of the first answer.")


class Letters(BaseModel):
    """A page of letters, newest first."""

    dead_letters: list[Letter]
    next: int | None


class ShownLetter(Letter):
    """A letter with the original message's value in base64, and as text where it is text."""

    value: str
    text: str | None


class Refusal(BaseModel):
    """A letter that cannot be settled so, and why."""

    id: int
    detail: str


class Settled(BaseModel):
    """What was settled, or would be; `next` is where the next request goes on, if there is more.

    `through` is the newest letter that there was at the first request: a retry that fails again writes a new one, which
    the requests after it leave alone.
    """

    dry_run: bool
    settled: list[int]
    refused: list[Refusal]
    next: int | None
    through: int


class Settle(Protocol):
    """`Resender.retry` or `Resender.discard`."""

    def __call__(self, letter_id: int, *, dry_run: bool = False) -> Awaitable[None]: ...  # noqa: D102


def operations(context: ApiContext) -> list[Operation]:
    """The operations of this noun."""
    letters, noun = DeadLetters(context), "/dead-letters"
    found = [Operation("GET", noun, letters.page), Operation("GET", f"{noun}/{{id}}", letters.one)]
    verbs = {"retry": (letters.retry, letters.retry_all), "discard": (letters.discard, letters.discard_all)}
    for verb, (one, every) in verbs.items():
        found.append(Operation("POST", f"{noun}/{{id}}/{verb}", one, scope="admin", statuses=(202, 200)))
        found.append(Operation("POST", f"{noun}/{verb}", every, scope="admin", statuses=(202, 200)))
    return found


class DeadLetters:
    """Handlers on a context."""

    def __init__(self, context: ApiContext) -> None:
        settings = context.settings
        self._store = LetterStore(context.db)
        roles, partitions = all_roles(settings), settings.partitions
        self._resender = Resender(self._store, context.objects.get, context.send, roles, partitions)

    async def page(self, query: LetterQuery) -> Letters:
        """Dead letters, newest first."""
        found = await self._store.page(query.filter(), query.status, query.limit + 1, query.before)
        shown = found[: query.limit]
        return Letters(dead_letters=shown, next=shown[-1].id if len(found) > query.limit else None)

    async def one(self, path: LetterPath) -> ShownLetter:
        """A dead letter with the original message's value."""
        return _shown(await self._known(path))

    async def retry(self, path: LetterPath, body: SettleOne) -> Reply[ShownLetter]:
        """Send a letter's message again to the group that failed; 409 where that cannot be."""
        return await self._settle_one(self._resender.retry, path, body)

    async def discard(self, path: LetterPath, body: SettleOne) -> Reply[ShownLetter]:
        """Give a letter up; 409 where it is settled already."""
        return await self._settle_one(self._resender.discard, path, body)

    async def retry_all(self, body: SettleAll) -> Reply[Settled]:
        """Send every open letter that fits again, 200 in one request."""
        return await self._settle_all(self._resender.retry, body)

    async def discard_all(self, body: SettleAll) -> Reply[Settled]:
        """Give up every open letter that fits, 200 in one request."""
        return await self._settle_all(self._resender.discard, body)

    async def _settle_one(self, settle: Settle, path: LetterPath, order: SettleOne) -> Reply[ShownLetter]:
        letter = await self._known(path)
        await settle(letter.id, dry_run=order.dry_run)
        return Reply(_shown(await self._known(path)), 200 if order.dry_run else 202)

    async def _settle_all(self, settle: Settle, order: SettleAll) -> Reply[Settled]:
        through = min(order.through, await self._store.newest())
        found = await self._store.open_after(order.filter(), order.after, through, AT_ONCE + 1)
        settled, refused = await self._settle(settle, found[:AT_ONCE], order.dry_run)
        more = found[AT_ONCE - 1] if len(found) > AT_ONCE else None
        answer = Settled(dry_run=order.dry_run, settled=settled, refused=refused, next=more, through=through)
        return Reply(answer, 200 if order.dry_run else 202)

    async def _settle(self, settle: Settle, letters: list[int], dry_run: bool) -> tuple[list[int], list[Refusal]]:
        """Those that are settled, and those that cannot be, with the reason."""
        settled: list[int] = []
        refused: list[Refusal] = []
        for letter_id in letters:
            try:
                await settle(letter_id, dry_run=dry_run)
                settled.append(letter_id)
            except LetterRefused as error:
                refused.append(Refusal(id=letter_id, detail=str(error)))
        return settled, refused

    async def _known(self, path: LetterPath) -> WholeLetter:
        letter = await self._store.one(path.id)
        if letter is None:
            raise not_found(path.noun, path.id)
        return letter


def _shown(letter: WholeLetter) -> ShownLetter:
    try:
        text: str | None = letter.value.decode()
    except UnicodeDecodeError:
        text = None
    return ShownLetter(**{**dict(letter), "value": b64encode(letter.value).decode(), "text": text})
