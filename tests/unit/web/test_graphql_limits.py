"""What a GraphQL document may ask for; without any server."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    OperationDefinitionNode,
    TypeInfo,
    ValidationContext,
    get_introspection_query,
    parse,
    specified_rules,
    validate,
)

from streamapp.web.graphql.limits import MAX_ALIASES, MAX_DEPTH, USUAL_SIZE, LimitsRule, Scale
from streamapp.web.graphql.questions import Window
from streamapp.web.graphql.schema import schema
from streamapp.web.live import WINDOWS

SCHEMA = schema()
ID = '"f47ac10b-58cc-4372-a567-0e02b2c3d479"'


def wrong(query: str, **variables: Any) -> list[str]:
    """What is wrong with a document."""
    rule = type("Rule", (LimitsRule,), {"variables": variables})
    return [error.message for error in validate(SCHEMA._schema, parse(query), [*specified_rules, rule])]


def too_much(query: str, **variables: Any) -> str:
    """Which limit a document breaks, the only thing that is wrong with it."""
    [message] = wrong(query, **variables)
    return message.split()[1]


def cost(query: str, **variables: Any) -> int:
    """What the first operation of a document costs, whether it may be asked or not."""
    document = parse(query)
    [operation, *_] = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    context = ValidationContext(SCHEMA._schema, document, TypeInfo(SCHEMA._schema), lambda _: None)
    return Scale(context, variables).weigh(operation).cost


def nested(levels: int) -> str:
    return "{ image(id: " + ID + ") " + "{ verdict { image " * levels + "{ label }" + " } }" * levels + " }"


def test_depth() -> None:
    assert wrong(nested(3)) == []
    assert wrong(nested(4)) == [f"the depth of the operation is 10, the limit is {MAX_DEPTH}"]


def test_depth_within_fragments() -> None:
    fragments = "fragment A on Image { verdict { image { verdict { image { ...B } } } } } "
    fragments += "fragment B on Image { verdict { image { ... on Image { verdict { consensus } } } } }"
    assert too_much("{ image(id: " + ID + ") { ...A } } " + fragments) == "depth"


def test_aliases() -> None:
    def aliased(count: int) -> str:
        return "{ " + " ".join(f"a{n}: models {{ model }}" for n in range(count)) + " }"

    assert wrong(aliased(MAX_ALIASES)) == []
    assert too_much(aliased(MAX_ALIASES + 1)) == "aliases"


def test_aliases_in_a_fragment_count_wherever_it_is_spread() -> None:
    fragment = "fragment F on Verdict { " + " ".join(f"a{n}: label" for n in range(8)) + " }"
    query = "{ image(id: " + ID + ") { verdict { ...F image { verdict { ...F image { verdict { ...F } } } } } } } "
    assert too_much(query + fragment) == "aliases"


ANSWERS = "predictions { model confidence topK { label probability } }"


def test_cost_grows_with_the_list() -> None:
    query = "query($limit: Int!) { images(limit: $limit) { images { imageId " + ANSWERS + " } } }"
    assert wrong(query, limit=100) == []
    assert wrong(query.replace("$limit)", "150)").replace("($limit: Int!)", "")) == []
    twice = (
        "query($limit: Int!) { images(limit: $limit) { images { image2: predictions { image { " + ANSWERS + " } } } } }"
    )
    assert wrong(twice, limit=10) == []
    assert too_much(twice, limit=200) == "cost"


HEAVY = "images { predictions { image { predictions { image { predictions { model prediction } } } } } }"


def limited(limit: str) -> str:
    return "{ images(limit: " + limit + ") { " + HEAVY + " } }"


def test_a_limit_that_is_left_out_is_the_usual_one() -> None:
    usual = cost("{ images { " + HEAVY + " } }")
    assert usual == cost(limited("50")) > cost(limited("49"))
    assert usual == cost("query($n: Int) " + limited("$n"))
    assert cost(limited("7")) == cost("query($n: Int = 7) " + limited("$n"))


def test_a_limit_that_cannot_be_is_weighed_as_one_that_can() -> None:
    for said in ('"x"', "null", "1e400"):
        assert cost(limited(said)) == cost(limited(str(USUAL_SIZE)))
    assert cost(limited("-5")) == cost(limited("1"))
    assert too_much(limited("100000")) == "cost"
    assert too_much("query($n: Int! = 100000) " + limited("$n")) == "cost"


def test_a_whole_number_weighs_the_same_however_it_is_written() -> None:
    query = "query($n: Int!) " + limited("$n")
    assert wrong(query, n=1.0) == []
    assert too_much(query, n=200.0) == "cost"


HEAVY_FRAGMENT = " fragment Heavy on Query " + limited("$n")


@pytest.mark.parametrize(
    ("selections", "fragment"), [(limited("$n"), ""), ("{ ...Heavy }", HEAVY_FRAGMENT)], ids=["itself", "a fragment"]
)
def test_each_operation_has_the_weight_of_its_own_variables(selections: str, fragment: str) -> None:
    light, heavy = f"query Light($n: Int = 1) {selections} ", f"query Heavy($n: Int = 200) {selections} "
    assert wrong(light + fragment) == []
    assert too_much(light + heavy + fragment) == too_much(heavy + light + fragment) == "cost"


def test_the_ledger_is_dear() -> None:
    ledgers = " ".join(f"a{n}: ledger(missing: {n}) {{ accepted }}" for n in range(5))
    assert too_much("{ " + ledgers + " }") == "cost"
    assert wrong("{ ledger { accepted models { model missing } } }") == []


def test_fragments_that_spread_each_other_take_no_time() -> None:
    spreads = "".join(f"fragment f{n} on Image {{ ...f{n + 1} ...f{n + 1} }} " for n in range(90))
    query = "{ image(id: " + ID + ") { ...f0 } } " + spreads + "fragment f90 on Image { a: label }"
    assert [message.split()[1] for message in wrong(query)] == ["aliases", "cost"]


def test_a_fragment_within_itself_is_refused() -> None:
    [message] = wrong("{ image(id: " + ID + ") { ...f } } fragment f on Image { label verdict { image { ...f } } }")
    assert "itself" in message


@pytest.mark.parametrize("query", ["{ nothing }", "{ models { nothing } }", "{ ...f }", "{ models { ...f } }"])
def test_what_is_not_there_is_said_once(query: str) -> None:
    assert len(wrong(query)) == 1


def test_introspection_is_allowed_and_no_more_than_is_of_use() -> None:
    assert wrong(get_introspection_query(specified_by_url=True, input_value_deprecation=True)) == []
    again = " ".join(f"a{n}: __schema {{ types {{ name }} }}" for n in range(6))
    assert too_much("{ " + again + " }") == "cost"
    fields = "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }"
    assert "introspection" in " ".join(wrong(fields)).lower()


def test_windows_are_those_of_rest() -> None:
    assert [window.value for window in Window] == list(WINDOWS)


def test_the_documents_of_the_manual_are_valid() -> None:
    text = (Path(__file__).parents[3] / "docs" / "graphql.md").read_text()
    found = re.findall(r"^```graphql\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    found += re.findall(r'"query": "([^"]*)"', text) + re.findall(r'query = "([^"]*)"', text)
    assert len(found) == 7
    for document in found:
        assert wrong(document) == [], document


def test_only_the_api_role_pays_for_it() -> None:
    script = "import sys, streamapp.application, streamapp.web; sys.exit('strawberry' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
