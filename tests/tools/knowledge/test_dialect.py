"""Other tools' Markdown: what they would have replaced is replaced or gone, code is untouched."""

import time

import pytest

from tools.knowledge.dialect import clean

pytestmark = pytest.mark.any_storage


def test_plain_markdown_stays_as_it_is_but_for_its_line_ends() -> None:
    text = "# A\n\n**b** and *c*, [d](e.md)\n\n- 1 < 2 > 0 & <3\n\n> f\n\n| a | b |\n|---|---|\n"
    assert clean(text) == text
    assert clean("a\r\nb\rc") == "a\nb\nc"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("---\ntitle: Kettles\ntags: [a]\n---\nText", "Text"),
        ("\ufeff---\ntitle: Kettles\n...\nText", "Text"),
        ("---\ntitle: Kettles", "---\ntitle: Kettles"),
        ("---\nJust between rules\n\n---\nText", "---\nJust between rules\n\n---\nText"),
        ("Text\n\n---\ntitle: no\n---\n", "Text\n\n---\ntitle: no\n---\n"),
    ],
)
def test_front_matter_is_gone_and_a_rule_is_not_taken_for_it(text: str, expected: str) -> None:
    assert clean(text) == expected


def test_an_alert_says_what_it_is() -> None:
    for kind in ("NOTE", "tip", "Important", "WARNING", "CAUTION"):
        assert clean(f"> [!{kind}]\n> Hot!") == f"> **{kind.capitalize()}:** \n> Hot!"
    assert clean("> [!odd]\n> Hot!") == "> [!odd]\n> Hot!"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Open [!INCLUDE[prod_short](a/prod_short.md)] now.", "Open the product now."),
        ("Open your [!INCLUDE [prod_long](a.md)] page.", "Open your product page."),
        ("[!INCLUDE[prod_short](a.md)] opens.", "The product opens."),
        ("- [!INCLUDE[prod_short](a.md)] opens.", "- The product opens."),
        ("In [!include[azure-ad-name_md](a.md)] now", "In azure ad now"),
        ("In [!INCLUDE[](b/late_fees.md)] now", "In late fees now"),
        ("[!INCLUDE[a-paragraph](a.md)]", ""),
        ("First.\n\n[!INCLUDE[a-paragraph](a.md)]\n\nLast.", "First.\n\n\n\nLast."),
    ],
)
def test_an_included_name_is_spoken_and_an_included_paragraph_left_out(
    text: str, expected: str
) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "![A kettle](kettle.png)",
        '![A kettle](<a b.png> "Title (1)")',
        "![A kettle][ref]",
        "[![A badge](a.svg)](https://a.example)",
        ":::image type='content' source='a.png':::",
        ":::row:::",
        "[!VIDEO https://a.example/v]",
        "[!div class='x']",
        "{: .large}",
        "<!-- hidden -->",
        "<script>alert(1)</script>",
        "<style>p { color: red }</style>",
        "<img src=x onerror=alert(1)>",
        "</details>",
        " {#anchor}",
    ],
)
def test_what_is_no_text_is_gone(text: str) -> None:
    assert clean(f"Before\n\n{text}\n\nAfter").split() == ["Before", "After"]


def test_a_comment_that_is_never_closed_hides_the_rest_as_in_a_browser() -> None:
    assert clean("Before <!-- the rest\n\nof it") == "Before "


def test_an_image_leaves_the_text_around_it() -> None:
    assert clean("Press ![the (red) knob](knob.png) once") == "Press  once"
    assert clean("Press ![Beep [here](a.md)") == "Press ![Beep [here](a.md)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a <b>bold</b> move", "a bold move"),
        ("one<br>two<BR/>three", "one two three"),
        ("| a<p>b</p> |", "| a b  |"),
        ("<ul>\n  <li>one\n  <li>two</li>\n</ul>", "\n- one\n- two \n"),
        ("| <ul><li>one</li><li>two</li></ul> |", "|  one  two  |"),
        ("<h2 id='x'>Size</h2>", "Size"),
    ],
)
def test_html_is_text_and_does_not_run_words_together(text: str, expected: str) -> None:
    assert clean(text) == expected


def test_angle_brackets_that_are_not_html_are_meant_to_be_read() -> None:
    text = "Dear <your name>: <https://a.example> <bold> x < y, a <b"
    assert clean(text) == text


@pytest.mark.parametrize(
    "code",
    [
        "```html\n<b>![x](y)</b> [!NOTE]\n<!-- kept -->\n```",
        "~~~\n```\n<br>\n~~~",
        "> ```\n> <br>\n> ```",
        "```\n<br> never closed",
        "Write `<br>` or ``a `<b>` c``",
        "a ` b\n\nc ` d",
    ],
)
def test_code_is_left_exactly_as_it_is(code: str) -> None:
    assert clean(f"<b>x</b>\n\n{code}") == f"x\n\n{code}"


@pytest.mark.parametrize("piece", ["[![", "[!include[", "`", " ", "<b ", "\n---\na: b"])
def test_text_made_to_be_slow_is_not(piece: str) -> None:
    began = time.process_time()
    clean(piece * 60_000 + "x")
    assert time.process_time() - began < 5, "minutes where a pattern looks at everything again"
