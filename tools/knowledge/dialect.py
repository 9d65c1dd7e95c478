"""Other people's Markdown as plain CommonMark: front matter, alerts, includes, images, HTML.

Help centres are written for GitHub, DocFX, Hugo and Jekyll. What those tools would have replaced
is replaced or left out here; code is left exactly as it is.
"""

import re
from pathlib import PurePosixPath

_HTML = (
    "a|abbr|article|aside|b|big|blockquote|br|button|caption|center|cite|code|col|colgroup|dd|del|"
    "details|dfn|div|dl|dt|em|embed|figcaption|figure|font|footer|form|h[1-6]|header|hr|i|iframe|"
    "img|input|ins|kbd|label|li|main|mark|nav|nobr|object|ol|p|picture|pre|q|s|samp|section|small|"
    "source|span|strike|strong|sub|summary|sup|svg|table|tbody|td|tfoot|th|thead|tr|tt|u|ul|var|"
    "video|wbr"
)
"""Names of HTML. Anything else in angle brackets, such as <your name>, was meant to be read."""

_BREAKS = {"br", "p", "div", "td", "th", "hr", "dd", "dt", "li"}

_FRONT_MATTER = re.compile(
    r"\A\ufeff?---[ \t]*\n(?=[\w-]+[ \t]*:).*?^(?:---|\.\.\.)[ \t]*$\n?", re.S | re.M
)

_NOISE = re.compile(
    rf"""
      (?P<fence>^[ \t>]*(?P<ticks>`{{3,}}+|~{{3,}}+)[^\n]*\n.*?(?:^[ \t>]*(?P=ticks)[^\n]*$|\Z))
    | (?P<code>(?<!`)(?P<tick>`+)(?!`)(?:[^\n]|\n(?![ \t]*\n))+?(?<!`)(?P=tick)(?!`))
    | (?P<hidden><!--.*?(?:-->|\Z)|<(?P<raw>script|style)\b.*?(?:</(?P=raw)\s*>|\Z))
    | (?P<alert>(?P<quote>^[ \t]*>[ \t>]*)\[!(?P<kind>note|tip|important|warning|caution)\][ \t]*)
    | (?P<include>\[!include\s*\[(?P<label>[^\[\]\n]*)\]\s*\((?P<file>[^)\n]*)\)\s*\])
    | (?P<directive>\[!(?:video|div|code[\w-]*|tab|selector)\b[^\]\n]*\](?:\([^)\n]*\)\]?)?
        | :::image[^\n]*?::: | ^[ \t]*:::[^\n]*$ | ^[ \t]*\{{:[^}}\n]*\}}[ \t]*$
        | (?<![ \t])[ \t]*\{{\#[\w-]+\}}[ \t]*$)
    | (?P<image>\[!\[[^\[\]\n]*\]\([^)\n]*\)\]\([^)\n]*\)
        | !\[[^\[\]\n]*\](?:\((?:[^()\n]|\([^()\n]*\))*\)|\[[^\]\n]*\]))
    | (?P<item>^[ \t]*<li\b[^<>]*>[ \t]*)
    | (?P<tag></?(?P<name>{_HTML})(?=[\s/>])[^<>]*>)
    """,
    re.X | re.I | re.M | re.S,
)

_SENTENCE_END = re.compile(r"(?:\A|[.:!?|]|\A[ \t>]*(?:[-*+#]+|\d+[.)]))[ \t>*]*\Z")
_DETERMINER = re.compile(r"\b(?:the|a|an|your|our|their|its|this|each)[ *]+\Z", re.I)
_LABEL_NOISE = re.compile(r"(?:^|[ _-])(?:md|name|short|long)(?=[ _-]|$)")


def clean(body: str) -> str:
    """`body` without what its own tool would have replaced."""
    body = body.replace("\r\n", "\n").replace("\r", "\n")
    return _NOISE.sub(_replace, _FRONT_MATTER.sub("", body))


def _replace(match: re.Match[str]) -> str:
    if match["fence"] or match["code"]:
        return match[0]
    if match["alert"]:
        return f"{match['quote']}**{match['kind'].capitalize()}:** "
    if match["include"]:
        return _included(match)
    if match["item"]:
        return "- "
    if match["tag"]:
        return " " if match["name"].lower() in _BREAKS else ""
    return ""


def _included(match: re.Match[str]) -> str:
    """The name of an included snippet where it stands in a sentence; nothing where it was a
    paragraph of its own, whose text is not here."""
    text, start, end = match.string, match.start(), match.end()
    line_start, line_end = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    after = text[end : line_end if line_end >= 0 else len(text)]
    before = text[line_start:start]
    if not after.strip(" \t|*") and _SENTENCE_END.search(before):
        return ""
    label = match["label"].strip() or PurePosixPath(match["file"].strip()).stem
    if label.lower().startswith("prod"):
        return _the_product(before)
    return _LABEL_NOISE.sub("", label.lower()).replace("_", " ").replace("-", " ").strip()


def _the_product(before: str) -> str:
    if _SENTENCE_END.search(before):
        return "The product"
    return "product" if _DETERMINER.search(before) else "the product"
