"""Importing articles: twice is once, and a bad one is told by its place and stops nothing."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.tools.knowledge.importing.support import LINEN, counts, folder, jsonl
from tests.tools.knowledge.support import passages_of, write
from tools.jsonl import BadRow
from tools.knowledge import articles
from tools.knowledge.importing import import_articles
from tools.knowledge.importing.options import Options
from tools.knowledge.importing.row import LONGEST_BODY, LONGEST_TITLE
from tools.knowledge.importing.work import BATCH
from tools.knowledge.models import Article, Audience, Status

pytestmark = pytest.mark.django_db

# A folder of Markdown ----------------------------------------------------------------------------


def test_each_markdown_file_below_the_folder_is_an_article_but_the_hidden_ones(
    tmp_path: Path,
) -> None:
    folder(
        tmp_path, top="# Top\n\nText.", care__linen="# Linen\n\nCold.", care__a__b="# B\n\nText."
    )
    (tmp_path / "care" / "WOOL.Markdown").write_text("# Wool\n\nText.")
    (tmp_path / "notes.txt").write_text("# Not this")
    folder(tmp_path, **{".git__readme": "# No", "care__.trash__linen": "# No", ".draft": "# No"})
    assert counts(import_articles(tmp_path)) == (4, 0, 0, 0)
    assert set(Article.objects.values_list("source", "title", "category", "slug")) == {
        ("top.md", "Top", "", "top"),
        ("care/linen.md", "Linen", "Care", "linen"),
        ("care/a/b.md", "B", "Care", "b"),
        ("care/WOOL.Markdown", "Wool", "Care", "wool"),
    }
    assert passages_of(Article.objects.get(title="Linen")) == ["Cold."]


def test_front_matter_names_title_category_and_drafts(tmp_path: Path) -> None:
    matter = "---\ntitle: Washing linen\ncategory: The care\ndraft: true\ntags: [a]\n---\n"
    import_articles(folder(tmp_path, care__linen=f"{matter}# Other\n\nCold."))
    article = Article.objects.get()
    assert (article.title, article.category) == ("Washing linen", "The care")
    assert article.status == Status.DRAFT
    assert article.body == "# Other\n\nCold."


def test_without_a_heading_the_files_name_is_the_title(tmp_path: Path) -> None:
    import_articles(folder(tmp_path, **{"returns-and_refunds__how-to-return_it": "Just send it."}))
    article = Article.objects.get()
    assert (article.title, article.category) == ("How to return it", "Returns and refunds")


def test_a_heading_that_is_too_long_for_a_title_is_cut(tmp_path: Path) -> None:
    assert counts(import_articles(folder(tmp_path, a="# " + "x" * 300))) == (1, 0, 0, 0)
    assert Article.objects.get().title == "x" * LONGEST_TITLE


def test_windows_line_ends_and_a_byte_order_mark_are_no_obstacle(tmp_path: Path) -> None:
    import_articles(
        folder(tmp_path, a=b"\xef\xbb\xbf---\r\ntitle: A\r\n---\r\n\r\nOne.\r\n\r\nTwo.")
    )
    article = Article.objects.get()
    assert (article.title, passages_of(article)) == ("A", ["One.\n\nTwo."])
    import_articles(folder(tmp_path, b=b"\xef\xbb\xbf# The heading\r\n\r\nOne."))
    assert Article.objects.get(source="b.md").title == "The heading"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"# Lin\xe9n", "is not UTF-8"),
        ("", "is empty"),
        ("---\ntitle: A\n---\n\n", "has no text"),
        ("a\0b", "text: has control characters, which cannot be stored"),
        ("---\ntitle: a: b\n---\nx", "has front matter that cannot be read: mapping values"),
        ("---\ndate: 2026-13-45\n---\nx", "has front matter that cannot be read: month must be"),
        ("---\ntitle: [a]\n---\nx", "title: Input should be a valid string"),
        (f"---\ntitle: {'a' * 201}\n---\nx", "title: Value should have at most 200"),
        ("x" * (LONGEST_BODY + 1), "text: String should have at most 1000000 characters"),
    ],
    ids=lambda value: repr(value[:24]),
)
def test_a_bad_file_is_told_by_its_path_and_stops_nothing(
    tmp_path: Path, content: str | bytes, reason: str
) -> None:
    report = import_articles(folder(tmp_path, a="# A\n\nx", care__bad=content, z="# Z\n\nx"))
    assert counts(report) == (2, 0, 0, 1)
    assert report.failed[0].place == "care/bad.md"
    assert report.failed[0].reason.startswith(reason)


def test_a_file_that_cannot_be_read_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "gone.md").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder.md").mkdir()
    report = import_articles(folder(tmp_path, z="# Z\n\nx"))
    assert counts(report) == (1, 0, 0, 2)
    assert report.failed[0] == BadRow("folder.md", "cannot be read: Is a directory")
    assert report.failed[1] == BadRow("gone.md", "cannot be read: No such file or directory")


# A JSONL file ------------------------------------------------------------------------------------


def test_each_line_is_an_article(tmp_path: Path) -> None:
    path = jsonl(
        tmp_path,
        LINEN,
        {"id": 7, "title": " Wool\n socks", "text": "# Wool\n\nBy hand.", "author": "Ann"},
        "",
    )
    assert counts(import_articles(path)) == (2, 0, 0, 0)
    linen, wool = Article.objects.order_by("pk")
    assert (linen.source, linen.title, linen.category) == ("linen", "Linen", "Care")
    assert (linen.body, linen.status) == ("Wash it cold.", Status.PUBLISHED)
    assert (wool.source, wool.title, wool.category) == ("7", "Wool socks", "")


def test_bad_lines_are_told_by_their_numbers_and_stop_nothing(tmp_path: Path) -> None:
    untitled = {"id": "wool", "text": "No heading."}
    path = jsonl(
        tmp_path, LINEN, '{"id": ', "", untitled, {"id": "x", "title": "X"}, LINEN | {"id": 8}
    )
    report = import_articles(path)
    assert counts(report) == (2, 0, 0, 3)
    assert [bad.place for bad in report.failed] == ["line 2", "line 4", "line 5"]
    assert report.failed[0].reason.startswith("is not valid JSON")
    assert "the text has no heading to take its place" in report.failed[1].reason
    assert report.failed[2].reason == "text: Field required"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": ""}, "id: "),
        ({"id": "x" * 301}, "id: "),
        ({"title": "x" * 201}, "title: "),
        ({"category": "x" * 101}, "category: "),
        ({"text": " \n"}, "text: "),
        ({"text": "half \ud800"}, "text: "),
        ({"title": "nul \0"}, "title: has control characters"),
        ({"draft": "perhaps"}, "draft: "),
    ],
)
def test_what_cannot_be_stored_is_refused(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    report = import_articles(jsonl(tmp_path, LINEN | changes))
    assert counts(report) == (0, 0, 0, 1)
    assert report.failed[0].reason.startswith(reason)


def test_an_id_that_comes_twice_is_refused_the_second_time(tmp_path: Path) -> None:
    path = jsonl(tmp_path, LINEN, LINEN | {"title": "Another"})
    for expected in ((1, 0, 0, 1), (0, 0, 1, 1)):
        report = import_articles(path)
        assert counts(report) == expected
        assert report.failed == [BadRow("line 2", "id: linen was there before, on line 1")]
    assert Article.objects.get().title == "Linen"


# Again -------------------------------------------------------------------------------------------


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    path = folder(tmp_path, a="# A\n\nx", b="# B\n\nx")
    import_articles(path)
    before = articles.current_revision()
    assert counts(import_articles(path)) == (0, 0, 2, 0)
    assert articles.current_revision() == before


@pytest.mark.parametrize("changes", [{"title": "Wool"}, {"category": "Wool"}, {"text": "Wool."}])
def test_a_changed_row_changes_its_article_and_no_other(
    tmp_path: Path, changes: dict[str, str]
) -> None:
    other = LINEN | {"id": "other", "title": "Other"}
    import_articles(jsonl(tmp_path, LINEN, other))
    address, first = Article.objects.get(source="linen").slug, articles.current_revision()[1]
    assert counts(import_articles(jsonl(tmp_path, LINEN | changes, other))) == (0, 1, 1, 0)
    linen = Article.objects.get(source="linen")
    assert "Wool" in linen.title + linen.category + linen.body
    assert (linen.slug, linen.revision) == (address, first + 1)
    assert passages_of(linen) == [linen.body]
    assert Article.objects.get(source="other").revision == first


def test_an_edit_by_staff_stays_until_the_source_changes(tmp_path: Path) -> None:
    import_articles(jsonl(tmp_path, LINEN))
    article = Article.objects.get()
    article.body = "Wash it warm."
    articles.save(article)
    assert counts(import_articles(jsonl(tmp_path, LINEN))) == (0, 0, 1, 0)
    assert passages_of(article) == ["Wash it warm."]
    import_articles(jsonl(tmp_path, LINEN | {"text": "Do not wash it."}))
    assert passages_of(article) == ["Do not wash it."]


def test_an_article_that_staff_took_back_stays_back(tmp_path: Path) -> None:
    import_articles(jsonl(tmp_path, LINEN))
    articles.unpublish(Article.objects.values_list("pk", flat=True))
    assert counts(import_articles(jsonl(tmp_path, LINEN | {"text": "New."}))) == (0, 1, 0, 0)
    assert Article.objects.get().status == Status.DRAFT


def test_what_staff_wrote_and_what_left_the_source_is_kept(tmp_path: Path) -> None:
    write("Written by staff")
    import_articles(jsonl(tmp_path, LINEN))
    assert counts(import_articles(jsonl(tmp_path, LINEN | {"id": "wool"}))) == (1, 0, 0, 0)
    assert Article.objects.count() == 3


def test_what_left_its_source_is_marked_and_unmarked_when_it_comes_back(tmp_path: Path) -> None:
    import_articles(jsonl(tmp_path, LINEN, LINEN | {"id": "wool"}))
    for expected in (1, 0):  # told once
        report = import_articles(jsonl(tmp_path, LINEN))
        assert (counts(report), report.gone) == ((0, 0, 1, 0), expected)
    assert gone() == {"wool"}
    assert Article.objects.get(source="wool").status == Status.PUBLISHED
    import_articles(jsonl(tmp_path, LINEN, LINEN | {"id": "wool"}))
    assert gone() == set()


def test_nothing_is_marked_while_a_row_cannot_be_told(tmp_path: Path) -> None:
    import_articles(jsonl(tmp_path, LINEN, LINEN | {"id": "wool"}))
    assert import_articles(jsonl(tmp_path, LINEN, "{broken")).gone == 0
    assert gone() == set()


def test_a_file_that_broke_is_not_gone_and_one_that_was_deleted_is(tmp_path: Path) -> None:
    import_articles(folder(tmp_path, a="# A\n\nx", b="# B\n\nx"))
    (tmp_path / "a.md").write_bytes(b"\xff\xfe\xff")
    (tmp_path / "b.md").unlink()
    report = import_articles(tmp_path)
    assert (counts(report), report.gone) == ((0, 0, 0, 1), 1)
    assert gone() == {"b.md"}


def test_another_folder_says_nothing_of_this_one(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    import_articles(folder(first, a="# A\n\nx", b="# B\n\nx"))
    assert import_articles(folder(second, c="# C\n\nx")).gone == 0
    # An article that another folder lists belongs to that one from then on.
    import_articles(folder(second, a="# A\n\nx"))
    (first / "a.md").unlink()
    assert import_articles(first).gone == 0


def test_an_import_says_what_is_true_of_all_its_articles_and_a_row_may_say_otherwise(
    tmp_path: Path,
) -> None:
    options = Options(
        locale="de", audience=Audience.STAFF, category="Care", draft=True, tags=("cloth",)
    )
    other = {
        "id": "wool",
        "title": "Wool",
        "text": "Kalt.",
        "locale": "pt_BR",
        "tags": "warm, soft",
    }
    path = jsonl(tmp_path, {"id": "linen", "title": "Linen", "text": "Kalt."}, other)
    import_articles(path, options=options)
    linen, wool = Article.objects.order_by("source")
    assert (linen.locale, linen.audience, linen.category) == ("de", "staff", "Care")
    assert (linen.status, wool.locale) == (Status.DRAFT, "pt-br")
    assert set(linen.tags.values_list("name", flat=True)) == {"cloth"}
    assert set(wool.tags.values_list("name", flat=True)) == {"cloth", "soft", "warm"}


def test_a_tag_by_staff_stays_beside_those_of_the_source(tmp_path: Path) -> None:
    import_articles(jsonl(tmp_path, LINEN | {"tags": ["cloth"]}))
    articles.set_tags({Article.objects.get().pk: ["cloth", "ours"]})
    import_articles(jsonl(tmp_path, LINEN | {"tags": ["warm"], "text": "New."}))
    names = Article.objects.get().tags.values_list("name", flat=True)
    assert set(names) == {"cloth", "ours", "warm"}


def gone() -> set[str]:
    return set(Article.objects.exclude(gone_at=None).values_list("source", flat=True))


def test_more_articles_than_a_batch_are_imported(tmp_path: Path) -> None:
    rows = [LINEN | {"id": str(n)} for n in range(BATCH + 1)]
    assert counts(import_articles(jsonl(tmp_path, *rows))) == (BATCH + 1, 0, 0, 0)
    assert counts(import_articles(jsonl(tmp_path, *rows))) == (0, 0, BATCH + 1, 0)
    assert articles.current_revision()[1] == 2


# The command -------------------------------------------------------------------------------------


def run_command(path: Path) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("import_articles", str(path), stdout=out, stderr=err)
    finally:
        said[:] = [out.getvalue(), err.getvalue()]
    return out.getvalue(), err.getvalue()


said: list[str] = []
"""What the last command wrote, also when it ended with an error."""


def test_the_command_tells_what_it_did_and_fails_for_what_it_left_out(tmp_path: Path) -> None:
    path = jsonl(tmp_path, LINEN, {"id": "x", "title": "X"})
    with pytest.raises(CommandError, match="Correct what failed"):
        run_command(path)
    out, err = said
    assert out == "Articles: 1 added, 0 changed, 0 unchanged, 1 failed, 0 gone.\n"
    assert err == f"{path}, line 2: text: Field required\n"


def test_the_command_refuses_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        run_command(tmp_path / "nowhere")


def test_progress_is_drawn_where_it_is_wanted(tmp_path: Path) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    import_articles(folder(tmp_path, a="# A\n\nx", b="# B\n\nx"), progress=screen)
    assert "articles" in screen.getvalue()
    assert "2/2" in screen.getvalue()
