"""How much a document may ask for: tokens, depth, aliases, and cost, which counts the sizes of lists.

An operation weighs every fragment once, however often it is spread: a walk that unfolds them takes 2^n steps for n
fragments.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    Undefined,
    ValidationContext,
    ValidationRule,
    get_named_type,
    value_from_ast_untyped,
)
from strawberry.extensions import SchemaExtension

#: Few tokens, since graphql-core compares every field with every other of its name; GraphiQL's own questions have 200.
MAX_TOKENS, MAX_DEPTH, MAX_ALIASES = 800, 8, 20
#: Fields of an answer, as many as there may be: an image with three predictions and ten classes each has about 100.
MAX_COST = 12_000

#: Items of a list that nothing is said of.
USUAL_SIZE = 10
#: Cost of the whole schema, and of one type in it; graphql-core limits how deep its lists go.
INTROSPECTION = {"__schema": 5_000, "__type": 500, "__typename": 1}


def price(size: int | str | None = None, base: int = 1) -> dict[str, Any]:
    """The metadata of a field: how long its list is, or which argument says so, and what one call costs by itself."""
    return {"size": size, "base": base}


class Weight(NamedTuple):
    """What a part of a document asks for."""

    depth: int = 0
    aliases: int = 0
    cost: int = 0


class Scale:
    """Weighs one operation with these variables: another has defaults of its own, with which a fragment weighs more."""

    def __init__(self, context: ValidationContext, variables: Mapping[str, Any]) -> None:
        self._context, self._variables = context, dict(variables)
        self._fragments: dict[str, Weight] = {}

    def weigh(self, operation: OperationDefinitionNode) -> Weight:
        """The whole operation. Fields and fragments that there are not weigh nothing: other rules refuse them."""
        given = {
            definition.variable.name.value: value_from_ast_untyped(definition.default_value)
            for definition in operation.variable_definitions
            if definition.default_value is not None
        }
        self._variables = given | self._variables
        return self._selections(operation.selection_set, self._context.schema.get_root_type(operation.operation))

    def _selections(self, selections: SelectionSetNode | None, parent: Any) -> Weight:
        weights = [self._selection(each, parent) for each in selections.selections] if selections else []
        return Weight(
            max((weight.depth for weight in weights), default=0),
            sum(weight.aliases for weight in weights),
            sum(weight.cost for weight in weights),
        )

    def _selection(self, node: SelectionNode, parent: Any) -> Weight:
        if isinstance(node, FieldNode):
            return self._field(node, parent)
        if isinstance(node, FragmentSpreadNode):
            return self._fragment(node.name.value)
        assert isinstance(node, InlineFragmentNode), "there are three kinds of selections"
        return self._selections(node.selection_set, self._type(node, parent))

    def _fragment(self, name: str) -> Weight:
        if name not in self._fragments:
            self._fragments[name] = Weight()  # while it is being weighed: a fragment within itself
            if (fragment := self._context.get_fragment(name)) is not None:
                self._fragments[name] = self._selections(fragment.selection_set, self._type(fragment, None))
        return self._fragments[name]

    def _type(self, node: Any, parent: Any) -> Any:
        condition = node.type_condition
        return self._context.schema.get_type(condition.name.value) if condition else parent

    def _field(self, node: FieldNode, parent: Any) -> Weight:
        name, alias = node.name.value, 1 if node.alias else 0
        definition = getattr(parent, "fields", {}).get(name)
        within = self._selections(node.selection_set, get_named_type(definition.type) if definition else None)
        if name in INTROSPECTION:
            return Weight(0, alias + within.aliases, INTROSPECTION[name])
        size, base = self._price(node, definition) if definition else (1, 1)
        return Weight(1 + within.depth, alias + within.aliases, base + size * within.cost)

    def _price(self, node: FieldNode, definition: GraphQLField) -> tuple[int, int]:
        metadata = getattr(definition.extensions.get("strawberry-definition"), "metadata", {})
        is_list = str(definition.type).startswith("[")
        size = metadata.get("size") or (USUAL_SIZE if is_list else 1)
        if isinstance(size, str):
            size = self._size(node, size, definition)
        return size, metadata.get("base", 1)

    def _size(self, node: FieldNode, argument: str, definition: Any) -> int:
        """What an argument says; a list's own length. What is no such thing is refused elsewhere."""
        value = definition.args[argument].default_value
        for given in node.arguments:
            if given.name.value == argument:
                said = value_from_ast_untyped(given.value, self._variables)
                value = value if said is Undefined else said  # as for a variable that nobody gives
        if isinstance(value, list):
            return len(value)
        if isinstance(value, float) and value.is_integer():  # which is an Int to GraphQL
            value = int(value)
        return max(1, value) if isinstance(value, int) else USUAL_SIZE


class LimitsRule(ValidationRule):
    """Refuses operations that ask for too much; a subclass for each request has its variables."""

    variables: Mapping[str, Any] = MappingProxyType({})

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: object) -> None:
        """Weigh an operation."""
        weight = Scale(self.context, self.variables).weigh(node)
        for name, limit in zip(Weight._fields, (MAX_DEPTH, MAX_ALIASES, MAX_COST), strict=True):
            if (found := getattr(weight, name)) > limit:
                self.report_error(
                    GraphQLError(f"the {name} of the operation is {_shown(found)}, the limit is {limit}", node)
                )


class Limits(SchemaExtension):
    """Has every document weighed before it is executed."""

    def on_operation(self) -> Iterator[None]:
        """Add the limits to what is checked."""
        document = self.execution_context
        document.parse_options["max_tokens"] = MAX_TOKENS
        rule = type("LimitsRule", (LimitsRule,), {"variables": document.variables or {}})
        document.validation_rules = (*document.validation_rules, rule)
        yield


def _shown(number: int) -> str:
    return str(number) if number < 10**9 else "more than a billion"
