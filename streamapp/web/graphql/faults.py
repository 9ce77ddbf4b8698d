"""Errors for clients: what they can mend in words, what is our own fault as a number that the log has too."""

import logging

from aiohttp import web
from graphql import GraphQLError
from strawberry.extensions import MaskErrors
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError

from streamapp.errors import StreamappError
from streamapp.web.graphql.context import Context
from streamapp.web.problems import Problem, count_failure, of_error, of_status, request_id

log = logging.getLogger(__name__)

#: Errors in a document, which are its author's.
CALLERS = (GraphQLError, CannotGetOperationTypeError, InvalidOperationTypeError)


class ShownErrors(MaskErrors):
    """Replaces every error by what a client may see of it."""

    def anonymise_error(self, error: GraphQLError) -> GraphQLError:
        """The error as it is shown; logged, where it is not the client's."""
        return shown(error, self.execution_context.context)


def shown(error: GraphQLError, context: Context) -> GraphQLError:
    """The error without what caused it. What a resolver has raised has a problem's name and status in `extensions`."""
    cause = error.original_error
    if isinstance(cause, RecursionError) and error.path is None:
        return GraphQLError("the document is nested too deeply")
    if cause is None:
        return error
    if isinstance(cause, CALLERS) or (error.path is None and error.nodes):  # a variable's value
        return GraphQLError(error.message, error.nodes, error.source, error.positions, error.path)
    problem = _problem(cause, context) or _unforeseen(error, context)
    said = {"code": problem.name, "status": problem.status, **problem.more}
    return GraphQLError(problem.detail, error.nodes, error.source, error.positions, error.path, extensions=said)


def _problem(cause: Exception, context: Context) -> Problem | None:
    if isinstance(cause, web.HTTPException):
        return of_status(cause)
    if not isinstance(cause, StreamappError):
        return None
    count_failure(cause, context.api.metrics)
    return of_error(cause)


def _unforeseen(error: GraphQLError, context: Context) -> Problem:
    number = request_id(context.request)
    log.error("request %s failed at %s", number, error.path, exc_info=error.original_error)
    detail = f"the request failed for a reason on our side; the log has it under {number}"
    return Problem(500, "internal-server-error", "Internal Server Error", detail, {"request_id": number})
