"""Registers a model: its group begins at the end of the topic, and the ledger knows from where on it owes outcomes."""

from collections.abc import Awaitable, Callable

from streamapp import topics
from streamapp.settings import Settings
from streamapp.storage.ledger import LedgerStore
from streamapp.storage.postgres import Database


async def register(settings: Settings, model: str, database: Callable[[], Awaitable[Database]]) -> dict[int, int]:
    """Give a model's group its starting point, the same for all processes that do so at once.

    The database is asked for only where the group has no offsets yet: a model that is known starts without it. A model
    whose group has lost its offsets, for they are kept only for a while, begins where it was registered: what the topic
    has kept since then is done, and what was done before is known by its outcome.

    Returns:
        The committed offset per partition.

    Raises:
        BrokerError: the broker does not answer.
        StoreUnavailable: the database does not.
    """

    async def agree(ends: topics.Ends) -> dict[int, int]:
        store, known = LedgerStore(await database()), await ends()
        starts = await store.begin(model, known)
        if any(starts[partition] > end for partition, end in known.items()):
            # Somebody was faster and has seen a later end, or the topic is another one: the first cannot be so now.
            starts = await store.begin_anew(model, await ends())
        return starts

    return await topics.register_group(settings, f"streamapp-{model}", topics.IMAGES, agree)
