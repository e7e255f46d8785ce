"""Links of a web page."""

from html.parser import HTMLParser


class _Links(HTMLParser):
    """The targets of the links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the target of a link."""
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]


def links_of(page: bytes) -> list[str]:
    """Return the targets of the links of a page in HTML, as they are written."""
    parser = _Links()
    parser.feed(page.decode("utf-8", "replace"))
    return parser.found
