"""What a page shows, as its URL says: so every view can be linked, bookmarked and gone back to."""

from contextvars import ContextVar
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

#: The pages in the order of the navigation; the first one is at `/`, the others at `/<name>`.
PAGES = ("live", "compare", "images", "review", "models", "system")
MAX_VALUE = 200

#: The URL of the page that the browser is on, while a request of it is answered.
asked: ContextVar[str] = ContextVar("asked", default="/")


@dataclass(frozen=True)
class View:
    """A page and its parameters, in a form that can be compared."""

    page: str = PAGES[0]
    params: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, url: str | None) -> "View":
        """Read a path with its query; what is unknown or too long is left out."""
        try:
            parts = urlsplit(url or "/")
            pairs = parse_qsl(parts.query, max_num_fields=20)
        except ValueError:
            return cls()
        page = parts.path.strip("/") or PAGES[0]
        kept = {name: value for name, value in pairs if value and len(value) <= MAX_VALUE and value.isprintable()}
        return cls(page if page in PAGES else PAGES[0], tuple(sorted(kept.items())))

    def get(self, name: str, otherwise: str = "") -> str:
        """A parameter."""
        return dict(self.params).get(name, otherwise)

    def pick(self, name: str, choices: tuple[str, ...]) -> str:
        """A parameter that is one of these; the first of them where it is not."""
        value = self.get(name)
        return value if value in choices else choices[0]

    def url(self, **changes: str | None) -> str:
        """The URL of this view with other parameters; None leaves one out."""
        wanted = {name: value for name, value in (dict(self.params) | changes).items() if value}
        path = "/" if self.page == PAGES[0] else f"/{self.page}"
        return path + (f"?{urlencode(sorted(wanted.items()))}" if wanted else "")


def link(page: str, **params: str) -> str:
    """The URL of a page."""
    return View(page).url(**params)
