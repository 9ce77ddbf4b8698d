"""Object types made of the models that REST answers with, so that neither can say what the other does not."""

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from datetime import datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NewType, TypeVar, Union, get_args, get_origin

import strawberry
from pydantic import AwareDatetime, BaseModel

from streamapp.web.graphql.limits import price

T = TypeVar("T")

#: A whole number that 32 bits may not hold.
Count = NewType("Count", int)
COUNT = strawberry.scalar(name="Count", description="A whole number, also beyond 32 bits.", serialize=int)

_KINDS: dict[object, Any] = {AwareDatetime: datetime}


def of(model: type, *, without: tuple[str, ...] = (), whole: object = int) -> Callable[[type[T]], type[T]]:
    """Make a class a type with the fields of a model, in its words, beside its own; `whole` stands for `int`.

    Resolvers return the models themselves: a field's value is the attribute of that name. Models within the model get
    types of their own names.
    """

    def decorate(kind: type[T]) -> type[T]:
        for name, annotation, description in _fields(model):
            if name in without or name in vars(kind):
                continue
            kind.__annotations__ = {**inspect.get_annotations(kind), name: _kind(annotation, whole)}
            setattr(kind, name, strawberry.field(description=description))
        _KINDS[model] = kind = strawberry.type(kind, description=_text(kind))
        return kind

    return decorate


def where(model: type[BaseModel], *, without: tuple[str, ...] = ()) -> Callable[[type[T]], type[T]]:
    """Make a class an input whose fields are those of a model, all of which may be left out."""

    def decorate(kind: type[T]) -> type[T]:
        for name, annotation, description in _fields(model):
            if name not in without:
                kind.__annotations__ = {**inspect.get_annotations(kind), name: _kind(annotation, int) | None}
                setattr(kind, name, strawberry.field(default=None, description=description))
        return strawberry.input(kind, description=_text(kind))

    return decorate


def field(*, size: int | str | None = None, base: int = 1) -> Callable[[Callable[..., Any]], Any]:
    """A field with a resolver, whose docstring describes it; what it costs is said as in `price`."""

    def decorate(resolver: Callable[..., Any]) -> Any:
        return strawberry.field(resolver=resolver, description=_text(resolver), metadata=price(size, base))

    return decorate


def as_kind(model: object) -> Any:
    """A model where its type is wanted; it has the same fields."""
    return model


def _fields(model: Any) -> Iterator[tuple[str, Any, str | None]]:
    if issubclass(model, BaseModel):
        for name, one in model.model_fields.items():
            yield name, one.annotation, one.description
    else:
        for each in dataclasses.fields(model):
            yield each.name, each.type, None


def _text(described: object) -> str:
    return " ".join((inspect.getdoc(described) or "").split())


def _kind(annotation: Any, whole: object) -> Any:
    """The type of a field, as GraphQL has it."""
    if annotation is int:
        return whole
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return str
    if origin is Annotated:
        return _kind(parts[0], whole)
    if origin is list:
        return list[_kind(parts[0], whole)]  # type: ignore[misc]
    if origin in (Union, UnionType):
        [one] = [part for part in parts if part is not NoneType]
        return _kind(one, whole) | None
    if annotation not in _KINDS and (dataclasses.is_dataclass(annotation) or issubclass(annotation, BaseModel)):
        of(annotation, whole=whole)(type(annotation.__name__, (), {"__doc__": annotation.__doc__}))
    return _KINDS.get(annotation, annotation)
