"""Reading JSON Lines: each line by its number, and a bad one stops nothing."""

import io
from pathlib import Path

import pytest
from pydantic import BaseModel

from tools.jsonl import BadRow, Report, count_lines, read, with_progress


class Lamp(BaseModel):
    name: str
    watts: int = 5


def lines(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "lamps.jsonl"
    path.write_bytes(content)
    return path


def test_it_yields_each_line_with_its_place(tmp_path: Path) -> None:
    path = lines(tmp_path, b'{"name": "Fjord"}\n{"name": "Dune", "watts": 9}')
    assert list(read(path, Lamp)) == [
        ("line 1", Lamp(name="Fjord")),
        ("line 2", Lamp(name="Dune", watts=9)),
    ]


def test_blank_lines_are_skipped_but_counted(tmp_path: Path) -> None:
    path = lines(tmp_path, b'\n  \r\n{"name": "Fjord"}\r\n\n')
    assert list(read(path, Lamp)) == [("line 3", Lamp(name="Fjord"))]


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    assert list(read(lines(tmp_path, b""), Lamp)) == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"name": Fjord}', "is not valid JSON: Expecting value at column 10"),
        (b'{"name": "\xff"}', "is not UTF-8"),
        (b"[1, 2]", "row: Input should be a valid dictionary or instance of Lamp"),
        (b'{"watts": 7}', "name: Field required"),
        (b'{"name": "Fjord", "watts": "many"}', "watts: Input should be a valid integer"),
    ],
)
def test_a_bad_line_says_what_is_wrong_and_the_next_is_read(
    tmp_path: Path, line: bytes, reason: str
) -> None:
    (bad, good) = read(lines(tmp_path, line + b'\n{"name": "Dune"}'), Lamp)
    assert isinstance(bad[1], BadRow)
    assert bad[1].place == bad[0] == "line 1"
    assert bad[1].reason.startswith(reason)
    assert good == ("line 2", Lamp(name="Dune"))


def test_a_reason_does_not_repeat_the_value_which_may_be_personal(tmp_path: Path) -> None:
    ((_, bad),) = read(lines(tmp_path, b'{"name": 1, "watts": "ann@example.com"}'), Lamp)
    assert isinstance(bad, BadRow)
    assert "ann@example.com" not in bad.reason


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(read(tmp_path / "nowhere.jsonl", Lamp))


def test_it_counts_lines(tmp_path: Path) -> None:
    assert count_lines(lines(tmp_path, b"a\nb\nc")) == 3
    assert count_lines(lines(tmp_path, b"")) == 0


def test_a_report_reads_as_a_sentence() -> None:
    report = Report(added=2, changed=1, unchanged=40, failed=[BadRow("line 7", "is not UTF-8")])
    assert str(report) == "2 added, 1 changed, 40 unchanged, 1 failed"


def test_reports_do_not_share_their_failures() -> None:
    Report().failed.append(BadRow("line 1", "is not UTF-8"))
    assert Report().failed == []


def test_progress_yields_the_items_and_draws_nothing_off_a_terminal() -> None:
    screen = io.StringIO()
    assert list(with_progress("abc", total=3, name="letters", to=screen)) == ["a", "b", "c"]
    assert screen.getvalue() == ""


def test_progress_draws_a_bar_on_a_terminal() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    list(with_progress("abc", total=3, name="letters", to=screen))
    assert "letters" in screen.getvalue()
    assert "3/3" in screen.getvalue()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"[" * 100_000, "is nested too deeply"),
        (b'{"watts": ' + b"9" * 5_000 + b"}", "has a number of too many digits"),
    ],
)
def test_what_the_parser_gives_up_on_is_one_bad_row(
    tmp_path: Path, line: bytes, reason: str
) -> None:
    rows = list(read(lines(tmp_path, line + b'\n{"name": "Oak", "watts": 5}'), Lamp))
    assert rows[0] == ("line 1", BadRow("line 1", reason))
    assert isinstance(rows[1][1], Lamp)
