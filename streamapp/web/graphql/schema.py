"""The schema: what can be asked, done and followed."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from streamapp.web.graphql.changes import Mutation
from streamapp.web.graphql.faults import ShownErrors
from streamapp.web.graphql.follow import Subscription
from streamapp.web.graphql.kinds import COUNT, Count
from streamapp.web.graphql.limits import Limits
from streamapp.web.graphql.questions import Query


class Schema(strawberry.Schema):
    """Errors are logged where they are shown, and nowhere else."""

    def process_errors(self, errors: object, execution_context: object = None) -> None:
        """Leave the errors to `ShownErrors`."""


def schema() -> Schema:
    """The whole schema; batches of operations are refused."""
    return Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        extensions=[Limits, ShownErrors],
        config=StrawberryConfig(scalar_map={Count: COUNT}),
    )
