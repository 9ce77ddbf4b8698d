"""Looking into components (what a test wants to find on the page), and waiting for what will come."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from dash.development.base_component import Component

from dash_ui.tree import Element


def components(content: Any) -> Iterator[Any]:
    """Every component of a tree, in reading order."""
    if isinstance(content, list | tuple):
        for item in content:
            yield from components(item)
    elif isinstance(content, Component | Element):
        yield content
        yield from components(getattr(content, "children", None))


def text(content: Any) -> str:
    """The text that a person reads, pieces separated by single spaces."""
    if isinstance(content, list | tuple):
        return " ".join(word for word in map(text, content) if word)
    if isinstance(content, Component | Element):
        return text(getattr(content, "children", None))
    return "" if content is None else " ".join(str(content).split())


def having(content: Any, **properties: Any) -> list[Any]:
    """The components with these properties; `class_` is one of the class names, `data_x` is `data-x`."""
    wanted = {name.replace("_", "-"): value for name, value in properties.items() if name != "class_"}
    return [
        component
        for component in components(content)
        if all(getattr(component, name, None) == value for name, value in wanted.items())
        and ("class_" not in properties or properties["class_"] in getattr(component, "className", "").split())
    ]


async def until(true: Callable[[], bool | Awaitable[bool]], seconds: float = 10) -> None:
    """Wait until something is true that nothing tells us of."""
    async with asyncio.timeout(seconds):
        while True:
            answer = true()
            if await answer if isinstance(answer, Awaitable) else answer:
                return
            await asyncio.sleep(0.01)
