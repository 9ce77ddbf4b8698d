import asyncio

import pytest

from dash_ui.client import ApiDown
from dash_ui.pictures import Picture, Pictures


class SlowApi:
    """Counts what is fetched from it."""

    def __init__(self) -> None:
        self.fetched: list[str] = []
        self.down = False

    async def picture(self, image_id: str, size: str) -> Picture:
        self.fetched.append(image_id if size == "thumbnail" else f"{image_id} {size}")
        await asyncio.sleep(0.01)
        if self.down:
            raise ApiDown("refused")
        return b"x" * 100, "image/webp"


async def test_many_browsers_cost_one_request() -> None:
    api = SlowApi()
    pictures = Pictures(api)  # type: ignore[arg-type]
    answers = await asyncio.gather(*(pictures.get("a") for _ in range(10)))
    assert answers == [(b"x" * 100, "image/webp")] * 10
    await pictures.get("a")
    assert api.fetched == ["a"]


async def test_an_original_is_fetched_once_too_and_is_not_its_thumbnail() -> None:
    api = SlowApi()
    pictures = Pictures(api)  # type: ignore[arg-type]
    await asyncio.gather(*(pictures.get("a", size) for size in ("original", "thumbnail") for _ in range(10)))
    assert api.fetched == ["a original", "a"]


async def test_the_oldest_go_when_there_is_no_room() -> None:
    api = SlowApi()
    pictures = Pictures(api, kept_bytes=250)  # type: ignore[arg-type]
    for name in ("a", "b", "a", "c", "a", "b"):
        await pictures.get(name)
    assert api.fetched == ["a", "b", "c", "b"]


async def test_a_browser_that_leaves_does_not_take_the_picture_from_another() -> None:
    pictures = Pictures(SlowApi())  # type: ignore[arg-type]
    leaving = asyncio.create_task(pictures.get("a"))
    staying = asyncio.create_task(pictures.get("a"))
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await staying)[1] == "image/webp"


async def test_a_failure_is_not_kept() -> None:
    api = SlowApi()
    pictures = Pictures(api)  # type: ignore[arg-type]
    api.down = True
    with pytest.raises(ApiDown):
        await pictures.get("a")
    api.down = False
    assert (await pictures.get("a"))[1] == "image/webp"
