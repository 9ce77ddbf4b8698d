"""The OpenAPI 3.1 document, made from the operations and from the models that their requests are checked against."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

import streamapp
from streamapp.web.operations import Operation
from streamapp.web.problems import ProblemDetails

Json = dict[str, Any]

BEARER = "bearer"
ABOUT_KEYS = "An API key (`streamapp token create`) or a signed token, with the scope that the operation names."
WHERE = {"path": "path", "query": "query", "headers": "header"}
ABOUT = """Images are classified by several models at the same time; this is what the platform knows of them.

Lists come in pages, newest first: `next` of an answer is `before` of the next request. Every error is a problem
document (RFC 9457), and every answer has the id of its request in `X-Request-ID`."""


def document(operations: Sequence[Operation], *, guarded: bool = False) -> Json:
    """The whole document, ready for JSON; `guarded`: callers must say who they are."""
    refs, schemas = _schemas(operations)
    paths: dict[str, Json] = {}
    for operation in operations:
        paths.setdefault(operation.url, {})[operation.method.lower()] = _operation(operation, refs, schemas)
    for model in _parameter_models(operations):
        schemas.pop(refs[model, "validation"], None)
    components: Json = {"schemas": schemas}
    if guarded:
        components["securitySchemes"] = {BEARER: {"type": "http", "scheme": "bearer", "description": ABOUT_KEYS}}
        for operation in operations:
            paths[operation.url][operation.method.lower()]["security"] = [{BEARER: [operation.scope]}]
    return {
        "openapi": "3.1.0",
        "info": {"title": "streamapp", "version": streamapp.__version__, "description": ABOUT},
        "paths": paths,
        "components": components,
    }


Refs = dict[tuple[type[BaseModel], JsonSchemaMode], str]


def _schemas(operations: Sequence[Operation]) -> tuple[Refs, Json]:
    """The name of each model's schema, and the schemas by name."""
    wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {(ProblemDetails, "serialization"): None}
    for operation in operations:
        wanted |= {(model, "validation"): None for model in operation.inputs.values()}
        wanted |= {(operation.form, "validation"): None} if operation.form else {}
        wanted |= {(operation.content, "serialization"): None} if operation.content else {}
    found, definitions = models_json_schema([*wanted], ref_template="#/components/schemas/{model}")
    return {key: found[key]["$ref"].rpartition("/")[2] for key in wanted}, definitions.get("$defs", {})


def _parameter_models(operations: Sequence[Operation]) -> set[type[BaseModel]]:
    return {model for operation in operations for part, model in operation.inputs.items() if part in WHERE}


def _operation(operation: Operation, refs: Refs, schemas: Json) -> Json:
    summary, description = operation.texts
    found: Json = {
        "operationId": _identifier(operation),
        "tags": [operation.path.split("/")[1]],
        "summary": summary,
        "x-scope": operation.scope,
        "responses": _responses(operation, refs),
    }
    if description:
        found["description"] = description
    if parameters := [*_parameters(operation, refs, schemas)]:
        found["parameters"] = parameters
    if body := operation.form or operation.inputs.get("body"):
        kind = "multipart/form-data" if operation.form else "application/json"
        required = bool(schemas[refs[body, "validation"]].get("required"))
        found["requestBody"] = {"required": required, "content": {kind: {"schema": _ref(refs[body, "validation"])}}}
    return found


def _identifier(operation: Operation) -> str:
    """Such as `get_images_id_thumbnail`."""
    words = operation.path.replace("{", "").replace("}", "").replace("-", "_").split("/")
    return "_".join([operation.method.lower(), *filter(None, words)])


def _parameters(operation: Operation, refs: Refs, schemas: Json) -> Iterable[Json]:
    for part, model in operation.inputs.items():
        if part not in WHERE:
            continue
        whole = schemas[refs[model, "validation"]]
        for name, schema in whole["properties"].items():
            found: Json = {"name": name, "in": WHERE[part], "required": name in whole.get("required", [])}
            plain = _without_null(schema)
            if "description" in plain:
                found["description"] = plain.pop("description")
            yield {**found, "schema": plain}


def _without_null(schema: Json) -> Json:
    """A parameter that can be left out is never null."""
    plain = {name: value for name, value in schema.items() if name != "title" and (name, value) != ("default", None)}
    choices = [choice for choice in plain.pop("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        return {**choices[0], **plain}
    return {"anyOf": choices, **plain} if choices else plain


def _responses(operation: Operation, refs: Refs) -> Json:
    problem = {
        "description": "What is wrong, as a problem document.",
        "content": {"application/problem+json": {"schema": _ref(refs[ProblemDetails, "serialization"])}},
    }
    good = {str(status): _good(operation, status, refs) for status in operation.statuses}
    return {**good, "4XX": problem, "5XX": problem}


def _good(operation: Operation, status: int, refs: Refs) -> Json:
    described = {"description": HTTPStatus(status).phrase}
    if status == HTTPStatus.NOT_MODIFIED:
        return described
    schema = {} if operation.content is None else {"schema": _ref(refs[operation.content, "serialization"])}
    return {**described, "content": {operation.content_type: schema}}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}
