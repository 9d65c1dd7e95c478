"""A folder with everything that goes wrong in files: a clear line each, and the rest is imported."""

from pathlib import Path

import pytest

from tests.tools.knowledge.documents import docx, pdf
from tests.tools.knowledge.importing.support import counts, reasons
from tools.knowledge.importing import ImportFailed, import_articles
from tools.knowledge.models import Article

pytestmark = pytest.mark.django_db

POLISH = "# Zwroty\n\nMożesz zwrócić towar w ciągu trzydziestu dni od daty zakupu."

BAD: dict[str, tuple[bytes, str]] = {
    "broken.pdf": (b"%PDF-1.4 broken", "is no PDF file, or a broken one"),
    "scanned.pdf": (pdf([]), "has no text: its pages are pictures"),
    "broken.docx": (b"PK\x03\x04", "is no DOCX file, or a broken one"),
    "empty.md": (b"", "is empty"),
    "spaces.html": (b" \n\n ", "is empty"),
    "pictures.html": (b"<main><img src=a.png></main>", "has no text"),
    "deep.html": (b"<div>" * 100_000 + b"x", "is nested too deeply"),
    "polish.md": (POLISH.encode("cp1250"), "is not UTF-8"),
    "nul.md": (b"a\0b", "text: has control characters"),
    "matter.md": (b"---\ntitle: a: b\n---\nx", "has front matter that cannot be read"),
    "columns.csv": (b"a,b\n1,2\n", "has no column named answer or text"),
    "latin.csv": ("question;answer\nWäsche?;Kühl.\n".encode("cp1252"), "is not UTF-8"),
}


def test_each_bad_file_is_told_by_its_place_and_the_rest_is_imported(tmp_path: Path) -> None:
    for name, (content, _) in BAD.items():
        (tmp_path / name).write_bytes(content)
    with (tmp_path / "huge.md").open("wb") as file:
        file.truncate(100_000_000)
    (tmp_path / "good.md").write_text("# Good\n\nx")
    (tmp_path / "good.html").write_text("<main><h1>Good page</h1><p>x</p></main>")
    (tmp_path / "good.pdf").write_bytes(pdf([(11, "Wash it in cold water.")]))
    (tmp_path / "good.docx").write_bytes(docx(("", "Wash it.")))
    report = import_articles(tmp_path)
    assert counts(report) == (4, 0, 0, len(BAD) + 1)
    told = reasons(report)
    assert told.pop("huge.md") == "is larger than 50 MB"
    for name, (_, reason) in BAD.items():
        assert told[name].startswith(reason), name


def test_a_likely_encoding_is_named_and_not_acted_upon(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(POLISH.encode("cp1250"))
    report = import_articles(tmp_path)
    assert reasons(report)["a.md"].startswith("is not UTF-8 (it looks like cp125")
    assert reasons(report)["a.md"].endswith("save it as UTF-8")


def test_utf_16_with_its_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(POLISH.encode("utf-16"))
    import_articles(tmp_path)
    assert Article.objects.get().title == "Zwroty"


def test_relative_links_between_html_files_stay_links_between_articles(tmp_path: Path) -> None:
    (tmp_path / "care").mkdir()
    (tmp_path / "care" / "a.html").write_text('<main><a href="../b.html">B</a></main>')
    import_articles(tmp_path)
    assert Article.objects.get().body == "[B](../b.html)"


def test_a_single_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.odt"
    path.write_text("x")
    report = import_articles(path)
    assert report.failed[0].reason.startswith("is of a kind that is not read: .csv, .docx")


def test_a_zip_that_is_none_fails_the_import(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text("x")
    with pytest.raises(ImportFailed, match="is no zip file"):
        import_articles(tmp_path / "a.zip")
