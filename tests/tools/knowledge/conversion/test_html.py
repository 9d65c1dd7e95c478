"""HTML as Markdown: what a reader of the page came for, and nothing of what stands around it."""

import pytest

from tools.knowledge.conversion.document import Unreadable
from tools.knowledge.conversion.html import convert

pytestmark = pytest.mark.any_storage

PAGE = """<!doctype html><html lang="en-GB"><head><title>Returns | Juniper &amp; Oak</title>
<style>p {{ color: red }}</style></head><body><header><a href="/">Home</a></header>
<nav><a href="/help">Help</a></nav>{}<footer>© 2026</footer><script>track()</script></body></html>"""


def text(content: str, base: str = "") -> str:
    return convert(PAGE.format(content).encode(), base=base).text


def test_the_main_content_is_kept_and_what_stands_around_it_is_not() -> None:
    found = convert(
        PAGE.format("<main><h1>Send it back</h1><p>Within 30 days.</p></main>").encode()
    )
    assert (found.title, found.locale) == ("Send it back", "en-gb")
    assert found.text == "# Send it back\n\nWithin 30 days."


@pytest.mark.parametrize("around", ["article", 'div role="main"', 'div id="content"', "section"])
def test_content_is_found_however_it_is_marked(around: str) -> None:
    assert text(f"<{around}><p>Within 30 days.</p></{around.split()[0]}>") == "Within 30 days."


def test_without_a_heading_the_pages_title_is_one_without_the_name_of_the_site() -> None:
    assert convert(PAGE.format("<main><p>x</p></main>").encode()).title == "Returns"


def test_lists_tables_code_and_terms_stay_what_they_are() -> None:
    assert text("<main><ol><li>One<ul><li>Two</li></ul></li></ol></main>") == "1. One\n   - Two"
    table = "<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>"
    assert text(f"<main>{table}</main>") == "| A | B |\n| --- | --- |\n| 1 | 2 |"
    code = '<pre><code class="language-python">x = 1\n</code></pre>'
    assert text(f"<main>{code}</main>").startswith("```python\nx = 1\n")
    assert text("<main><dl><dt>Linen</dt><dd>A cloth.</dd></dl></main>") == "**Linen**\n\nA cloth."


def test_text_that_looks_like_markdown_stays_text() -> None:
    assert text("<main><p>2 * 3 * 4 &lt;b&gt; # a_b_c</p></main>") == (
        r"2 \* 3 \* 4 \<b\> \# a\_b\_c"
    )


def test_links_of_a_site_are_made_whole_and_links_of_a_folder_stay() -> None:
    link = '<main><p><a href="../care/wool.html#cold">Wool</a></p></main>'
    assert text(link) == "[Wool](../care/wool.html#cold)"
    assert text(link, base="https://shop.example/help/a/") == (
        "[Wool](https://shop.example/help/care/wool.html#cold)"
    )


@pytest.mark.parametrize("href", ["javascript:alert(1)", "data:text/html,x", "vbscript:x", ""])
def test_a_link_that_runs_something_is_text(href: str) -> None:
    assert text(f'<main><p><a href="{href}">Wool</a></p></main>') == "Wool"


def test_marks_beside_headings_and_hidden_parts_are_left_out() -> None:
    heading = '<h2>Time <a href="#time" class="headerlink">¶</a></h2>'
    hidden = '<p hidden>No</p><div aria-hidden="true">No</div><form><input value="No"></form>'
    assert text(f"<main>{heading}<p>Five days.</p>{hidden}</main>") == "## Time\n\nFive days."


@pytest.mark.parametrize(
    ("page", "charset"),
    [
        ("<main>Linén</main>".encode(), ""),
        ("<main>Linén</main>".encode("cp1252"), ""),
        ("<main>Linén</main>".encode("cp1252"), "windows-1252"),
        ('<meta charset="iso-8859-2"><main>Linén</main>'.encode("iso-8859-2"), ""),
        ("<main>Linén</main>".encode("utf-16"), ""),
    ],
)
def test_the_encoding_is_what_the_server_or_the_page_says(page: bytes, charset: str) -> None:
    assert convert(page, charset=charset).text == "Linén"


@pytest.mark.parametrize("page", [b"", b"<main></main>", b"<script>x</script>", b"<main><nav>x"])
def test_a_page_without_text_is_told(page: bytes) -> None:
    with pytest.raises(Unreadable, match="has no text"):
        convert(page)
