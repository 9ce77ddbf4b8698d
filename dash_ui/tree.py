"""A part of the page that is replaced as a whole, many times a second, without the browser building it anew.

Dash throws away and builds again whatever `children` it is sent: pictures blink, bars cannot move, the focus is lost,
and each element costs a component. A `Tree` takes the same elements as plain data, and React changes only what differs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from dash.development.base_component import Component


class Tree(Component):
    """Shows `tree`, elements as `elements()` writes them, in a `div`; drawn by `assets/tree.js`."""

    _namespace = "dash_ui"
    _type = "Tree"
    _children_props: ClassVar[list[str]] = []
    _base_nodes: ClassVar[list[str]] = []
    available_wildcard_properties: ClassVar[list[str]] = []

    def __init__(self, id: str, content: Any = None, className: str = "") -> None:
        self._prop_names = ["id", "tree", "className"]
        self._valid_wildcard_attributes: list[str] = []
        self.available_properties = self._prop_names
        super().__init__(id=id, tree=elements(content), className=className)


@dataclass(frozen=True)
class Element:
    """An element that `dash.html` has none for (SVG, `time`), or with properties that Dash would not pass on."""

    tag: str
    props: Mapping[str, Any] = field(default_factory=dict)
    children: Any = None


def elements(content: Any) -> list[Any]:
    """HTML components as data: each element `[tag, properties, child, …]`, text as text."""
    return list(_elements(content))


def _elements(content: Any) -> Iterator[Any]:
    if isinstance(content, list | tuple):
        for item in content:
            yield from _elements(item)
    elif isinstance(content, Component):
        props = content.to_plotly_json()["props"]
        children = props.pop("children", None)
        yield [content._type.lower(), props, *_elements(children)]
    elif isinstance(content, Element):
        yield [content.tag, dict(content.props), *_elements(content.children)]
    elif content is not None:
        yield content
