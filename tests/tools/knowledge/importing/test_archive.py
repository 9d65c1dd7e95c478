"""A zip as a source: what is in it is imported, and what is wrong with it told by its place."""

import io
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from tests.tools.knowledge.documents import docx, pdf
from tests.tools.knowledge.importing.support import counts, reasons, zipped
from tools.knowledge.importing import ImportFailed, import_articles
from tools.knowledge.importing import archive as archives
from tools.knowledge.models import Article

pytestmark = pytest.mark.django_db


def imported(tmp_path: Path, data: bytes) -> tuple[tuple[int, int, int, int], dict[str, str]]:
    path = tmp_path / "help.zip"
    path.write_bytes(data)
    report = import_articles(path)
    return counts(report), reasons(report)


GOOD: dict[str, str | bytes] = {"a.md": "# A\n\nx", "z.md": "# Z\n\nx"}


def test_each_file_of_a_kind_that_is_read_is_imported(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = GOOD | {
        "care/linen.html": "<main><h1>Linen</h1><p>Cold.</p></main>",
        "care/wool.pdf": pdf([(20, "Wool"), (12, ""), (11, "By hand, in cold water, if at all.")]),
        "care/silk.docx": docx(("Heading1", "Silk"), ("", "Not at all.")),
        "faq.csv": "question,answer\nHow long?,Three days.\n",
        "more.jsonl": '{"id": "m", "title": "More", "text": "x"}\n',
        "picture.png": b"\x89PNG",
        "__MACOSX/._a.md": "x",
        ".hidden/b.md": "x",
    }
    assert imported(tmp_path, zipped(files)) == ((7, 0, 0, 0), {})
    found = dict(Article.objects.values_list("source", "title"))
    assert found["care/wool.pdf"] == "Wool"
    assert found["faq.csv#How long?"] == "How long?"
    assert Article.objects.get(title="Silk").category == "Care"


def test_a_bomb_costs_its_own_line_only(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = GOOD | {
        "bomb.html": b" " * 60_000_000,
        "steep.md": b"x" * 2_000_000,
    }
    found, told = imported(tmp_path, zipped(files))
    assert found == (2, 0, 0, 2)
    assert "as a bomb does" in told["bomb.html"]
    assert "as a bomb does" in told["steep.md"]


def test_a_bomb_that_lies_about_its_size_is_not_unpacked_beyond_it(tmp_path: Path) -> None:
    data = zipped({"bomb.md": b" " * 30_000_000, **GOOD})
    honest = struct.pack("<L", 30_000_000)
    assert data.count(honest) == 2  # in the entry itself and in the list of entries
    found, told = imported(tmp_path, data.replace(honest, struct.pack("<L", 1000)))
    assert found == (2, 0, 0, 1)
    assert told["bomb.md"] == "cannot be unpacked: the zip is broken there"


def test_the_limit_of_all_files_together_is_held_while_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "LARGEST_TOGETHER", 1000)
    words = " ".join(f"word{number}" for number in range(100))
    found, told = imported(tmp_path, zipped({"a.md": words, "b.md": words}))
    assert found == (1, 0, 0, 1)
    assert told["b.md"].startswith("is left out: more than")


@pytest.mark.parametrize("name", ["../a.md", "/etc/a.md", "care/../../a.md", "..\\a.md", "C:/a.md"])
def test_a_path_out_of_the_zip_is_refused(tmp_path: Path, name: str) -> None:
    found, told = imported(tmp_path, zipped({name: "# Out\n\nx"} | GOOD))
    assert found == (2, 0, 0, 1)
    assert list(told.values()) == ["has a path that leads out of the zip"]


def test_links_passwords_and_zips_within_are_refused_each_in_a_line(tmp_path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        link = zipfile.ZipInfo("link.md")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("inner.zip", zipped(GOOD))
        archive.writestr("locked.md", "secret")
        archive.writestr("a.md", "# A\n\nx")
    data = bytearray(made.getvalue())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        entry = data.index(b"locked.md") if offset == 6 else data.rindex(b"locked.md")
        data[data.rindex(signature, 0, entry) + offset] |= 1  # says that it is encrypted
    found, told = imported(tmp_path, bytes(data))
    assert found == (1, 0, 0, 3)
    assert told == {
        "link.md": "is a link to another file, which is not followed",
        "inner.zip": "is a zip within a zip: unpack it first",
        "locked.md": "is protected by a password",
    }


@pytest.mark.parametrize(
    "data", [b"", b"nonsense", zipped(GOOD)[:60]], ids=["empty", "nonsense", "cut"]
)
def test_a_broken_zip_is_told_as_a_whole(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ImportFailed, match="no zip file, or a broken one"):
        imported(tmp_path, data)


def test_one_with_too_many_files_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST_FILES", 1)
    with pytest.raises(ImportFailed, match="more than 1 files"):
        imported(tmp_path, zipped(GOOD))


def test_what_left_the_zip_is_gone(tmp_path: Path) -> None:
    imported(tmp_path, zipped(GOOD))
    imported(tmp_path, zipped({"a.md": "# A\n\nx"}))
    assert Article.objects.exclude(gone_at=None).get().source == "z.md"
