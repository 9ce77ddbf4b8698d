"""Errors for clients: what they can mend in words, what is our own fault as a number that the log has too."""

import logging
from collections.abc import Iterable

from aiohttp import web
from graphql import GraphQLError
from strawberry.extensions import MaskErrors
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError

from streamapp.errors import StreamappError
from streamapp.web.graphql.context import Context
from streamapp.web.problems import TRY_AGAIN, Problem, count_failure, of_error, of_status, unforeseen
from streamapp.web.requests import request_id

log = logging.getLogger(__name__)

#: Errors in a document, which are its author's.
CALLERS = (GraphQLError, CannotGetOperationTypeError, InvalidOperationTypeError)
#: In how many seconds to try again, in an error's `extensions`.
RETRY_AFTER = "retry_after_s"


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
    if problem.status in TRY_AGAIN:
        said[RETRY_AFTER] = problem.retry_after_s
    return GraphQLError(problem.detail, error.nodes, error.source, error.positions, error.path, extensions=said)


def retry_after_s(errors: Iterable[GraphQLError]) -> int:
    """In how many seconds all of what failed can be tried again; 0 where no error says so."""
    return max([0, *[(error.extensions or {}).get(RETRY_AFTER, 0) for error in errors]])


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
    return unforeseen(number)
