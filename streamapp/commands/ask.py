"""Requests to the API from the command line."""

from typing import Annotated, Any

import aiohttp
import typer

from streamapp.errors import ApiError
from streamapp.ingest.produce.client import reason
from streamapp.ingest.target import credentials

TIMEOUT = aiohttp.ClientTimeout(total=120, connect=5)

ApiUrl = Annotated[str, typer.Option("--api-url", help="Where the API is; the running `streamapp up` if left out.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the API's answer as JSON.")]


def plain(text: object) -> str:
    """Text that somebody has sent, without what a terminal would obey."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in str(text))


async def ask(method: str, url: str, **request: Any) -> dict[str, Any]:
    """The JSON of a successful answer.

    Raises:
        ApiError: the API does not answer, or refuses.
    """
    try:
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT, headers=credentials()) as session,
            session.request(method, url, **request) as answer,
        ):
            if answer.status >= 400:
                raise ApiError(await reason(answer))
            found: dict[str, Any] = await answer.json()
            return found
    except (aiohttp.ClientError, TimeoutError) as error:
        hint = "start the platform with `streamapp up`, or give its --api-url"
        raise ApiError(f"{url} does not answer: {error or 'timeout'}; {hint}") from error
