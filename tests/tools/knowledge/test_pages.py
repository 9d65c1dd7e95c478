"""Articles as pages: safe HTML, ids that the passages link to, links that lead somewhere."""

from html.parser import HTMLParser

import pytest

from tests.tools.knowledge.support import write
from tools.knowledge import pages
from tools.knowledge.models import Article, Chunk

pytestmark = pytest.mark.django_db


class Elements(HTMLParser):
    """The elements of a piece of HTML, as a browser would read them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


def elements(body: str, source: str = "") -> list[tuple[str, dict[str, str | None]]]:
    """The elements of the page of an article with this body."""
    return Elements(pages.render(Article(title="Kettles", body=body, source=source)).html).elements


def links(body: str, source: str = "care/kettles.md") -> list[str | None]:
    return [found.get("href") for tag, found in elements(body, source) if tag == "a"]


# The body ----------------------------------------------------------------------------------------


def test_markdown_is_html_without_its_noise() -> None:
    noise, table = "---\ntitle: x\n---\n# Kettles", "| a | b |\n|---|---|\n| c | d |"
    body = f"{noise}\n\n**Hot** <br> `<b>` [w](https://a.example)\n\n{table}"
    html = pages.render(Article(title="Kettles", body=body)).html
    assert "<strong>Hot</strong>" in html
    assert "<code>&lt;b&gt;</code>" in html
    assert "<td>d</td>" in html
    assert '<a href="https://a.example" rel="noopener noreferrer nofollow">w</a>' in html
    assert "title: x" not in html
    assert "<h1" not in html


def test_headings_have_the_ids_that_passages_link_to() -> None:
    article = write("Kettles", "a\n\n## Care\n\nb\n\n### Care\n\nc\n\n## Größe & Co\n\nd")
    ids = [
        found["id"] for tag, found in Elements(pages.render(article).html).elements if tag != "p"
    ]
    anchors = Chunk.objects.filter(article=article).exclude(anchor="").order_by("position")
    assert ids == list(anchors.values_list("anchor", flat=True)) == ["care", "care-1", "größe--co"]


def test_the_contents_are_the_headings_in_order() -> None:
    rendered = pages.render(Article(title="Kettles", body="# Kettles\n\n## A\n\n### B\n\n> # no"))
    assert [(h.level, h.text, h.anchor) for h in rendered.headings] == [
        (2, "A", "a"),
        (3, "B", "b"),
    ]


def test_the_only_first_level_of_a_page_is_its_title() -> None:
    assert [tag for tag, _ in elements("# Pans\n\n## Care\n\n###### Deep")] == ["h2", "h3", "h6"]
    assert [tag for tag, _ in elements("## Care\n\n### Lid")] == ["h2", "h3"]


@pytest.mark.parametrize(
    "body",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![pixel](https://evil.example/x.png)",
        "[click](javascript:alert(1))",
        "[click](data:text/html;base64,PHNjcmlwdD4=)",
        "<a href='https://a.example' onclick='alert(1)'>x</a>",
        "<iframe src='https://evil.example'></iframe>",
        "## <svg onload=alert(1)>",
        '## "><script>alert(1)</script>',
        "<scr<script>ipt>alert(1)</scr</script>ipt>",
        "<style>* { display: none }</style>",
    ],
)
def test_nothing_in_a_page_runs_loads_or_styles(body: str) -> None:
    for tag, found in elements(body):
        assert tag in {"p", "h2", "a", "strong"}
        assert set(found) <= {"id", "href", "rel"}
        assert (found.get("href") or "https:").startswith("https:")


# Links -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        ("pans.md", "/help/pans/"),
        ("./pans.md#lid", "/help/pans/#lid"),
        ("../delivery.md", "/help/delivery/"),
        ("../care/wash%20it.md", "/help/wash-it/"),
        ("<wash it.md>", "/help/wash-it/"),
        ("pans.md?x=1", "/help/pans/"),
    ],
)
def test_a_link_between_imported_files_leads_to_the_page(href: str, expected: str) -> None:
    write("Pans", source="care/pans.md")
    write("Wash it", source="care/wash it.md")
    write("Delivery", source="delivery.md")
    assert links(f"[there]({href})") == [expected]


@pytest.mark.parametrize(
    "href", ["nowhere.md", "draft.md", "../../etc/passwd", "pans", "../pans.md"]
)
def test_a_link_that_leads_nowhere_is_text(href: str) -> None:
    write("Pans", source="care/pans.md")
    write("Draft", source="care/draft.md", draft=True)
    write("Written by staff")
    assert links(f"See [the pans]({href}).") == [None]
    html = pages.render(Article(title="K", body=f"See [the pans]({href}).", source="a/b.md")).html
    assert "the pans" in html


@pytest.mark.parametrize(
    "href",
    ["https://a.example/x?y#z", "//a.example/x", "mailto:a@b.example", "/help/pans/", "#care"],
)
def test_other_links_stay_as_they_are(href: str) -> None:
    assert links(f"[there]({href})") == [href]


def test_links_in_tables_and_lists_are_resolved_too() -> None:
    write("Pans", source="care/pans.md")
    body = "- [a](pans.md)\n\n| x |\n|---|\n| [b](pans.md) |\n\n> ## [c](pans.md)"
    assert links(body) == ["/help/pans/"] * 3


def test_an_address_that_is_no_address_breaks_nothing() -> None:
    assert links("[a](http://[::1) [b](//[x) [c](%00.md)")[2] is None


# Lists of articles -------------------------------------------------------------------------------


def test_only_published_articles_are_for_everybody() -> None:
    shown = write("Shown")
    write("Draft", draft=True)
    assert list(pages.published()) == [shown]


def test_a_summary_is_how_an_article_begins() -> None:
    short, empty = write("Short", "Hello\n\n- there"), write("Empty", "# Empty")
    long = write("Long", "word " * 100)
    summaries = pages.summaries([short, long, empty])
    assert summaries[short.pk] == "Hello - there"
    assert len(summaries[long.pk]) == pages.SUMMARY
    assert summaries[long.pk].endswith("…")
    assert empty.pk not in summaries
