"""Give images their right class: checked, sent to the stream for the live figures, and stored at once."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import agents
from streamapp.records import LabelMessage, now
from streamapp.storage.labels import LabelStore
from streamapp.web.context import ApiContext

#: Labels whose acknowledgements are awaited together.
AT_ONCE = 64
#: Classes that a refusal names at most: ImageNet has a thousand.
NAMED = 30


class Given(NamedTuple):
    """A label of an image, or why it cannot have it: `status` is 200, 404 or 422, and `problem` says what is wrong.

    `changed`: the image had another label before, or none.
    """

    image_id: UUID
    status: int
    label: LabelMessage | None = None
    changed: bool = False
    problem: str = ""


class Labeller:
    """Gives labels. A label that counts already is neither sent nor stored again."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context
        self._store = LabelStore(context.db)

    async def give(self, wanted: Sequence[tuple[UUID, str]], by: str) -> list[Given]:
        """Label images, in the order of the list. What is refused does not keep the others from being labelled.

        Raises:
            PublishFailed: the broker has not taken at least one; those that it has are stored. The same can be asked
                for again.
            StoreUnavailable: PostgreSQL does not answer.
        """
        current = await self._store.current({image_id for image_id, _ in wanted})
        classes, found, seen = self.classes(), list[Given](), set[UUID]()
        for image_id, label in wanted:
            before = current.get(image_id)
            if image_id not in current:
                found.append(Given(image_id, 404, problem=f"there is no image {image_id}"))
            elif label not in classes:
                found.append(Given(image_id, 422, problem=_unknown(label, classes)))
            elif image_id in seen:
                found.append(Given(image_id, 422, problem=f"the image {image_id} is in this request twice"))
            elif before is not None and before.label == label:
                found.append(Given(image_id, 200, before))
            else:
                new = LabelMessage(image_id=image_id, label=label, by=by, timestamp=now())
                found.append(Given(image_id, 200, new, changed=True))
            if found[-1].status == 200:
                seen.add(image_id)
        await self._send([one.label for one in found if one.label and one.changed])
        return found

    async def withdraw(self, image_id: UUID, by: str) -> bool | None:
        """Take back the label that was given to an image: whether it had one; None where there is no such image.

        Raises:
            PublishFailed, StoreUnavailable: as `give`.
        """
        current = await self._store.current({image_id})
        if image_id not in current:
            return None
        if current[image_id] is None:
            return False
        await self._send([LabelMessage(image_id=image_id, label=None, by=by, timestamp=now())])
        return True

    def classes(self) -> list[str]:
        """Every class that a model in service can answer; before one is, that the models of the settings can."""
        context = self._context
        served = [tuple(state.labels) for state in context.live.roster.newest().values()]
        planned = agents.specs(context.settings.models, context.settings.weights).values()
        every = served or [spec.labels for spec in planned]
        return list(dict.fromkeys(label for labels in every for label in labels))

    async def _send(self, labels: Sequence[LabelMessage]) -> None:
        """To the broker first: what is stored is on the stream as well, whatever fails in between."""
        for start in range(0, len(labels), AT_ONCE):
            batch = labels[start : start + AT_ONCE]
            sent = await asyncio.gather(*map(self._context.label, batch), return_exceptions=True)
            await self._store.add([label for label, failed in zip(batch, sent, strict=True) if failed is None])
            for failed in sent:
                if failed is not None:
                    raise failed


def _unknown(label: str, classes: Sequence[str]) -> str:
    more = f" and {len(classes) - NAMED} others" if len(classes) > NAMED else ""
    return f"no model knows the class {label[:100]!r}; known are {', '.join(classes[:NAMED])}{more}"
