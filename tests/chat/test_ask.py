"""`manage.py ask`: each question answered once, whatever happens on the way."""

import csv
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from chat import providers
from chat.answer_file import COLUMNS
from chat.database import in_database
from chat.llm.base import Event, Request, ServerFailed, StopReason, UserMessage
from chat.models import Conversation, Message, UsageRecord
from tests.fakes import Round, ScriptedProvider, calls, fails, says
from tests.live_server import ROOT

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 60.0
"""Seconds for a process of its own; a few are enough as a rule."""


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    return write(tmp_path, "id,question", "a,First?", "b,Second?", "c,Third?")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "answers.csv"


def write(folder: Path, *lines: str) -> Path:
    path = folder / "questions.csv"
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


def question(request: Request) -> str:
    return next(m.text for m in reversed(request.messages) if isinstance(m, UserMessage))


def echo(request: Request) -> Round:
    return says(f"About {question(request)}")


def script(*rounds: Any) -> ScriptedProvider:
    provider = ScriptedProvider(*rounds)
    providers.install(provider)
    return provider


def ask(questions: Path, out: Path, *options: str) -> str:
    """Runs the command; returns what it says."""
    said = io.StringIO()
    call_command("ask", str(questions), "--out", str(out), *options, stdout=said, stderr=said)
    return said.getvalue()


def rows(out: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with out.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def answers(out: Path) -> list[tuple[str, str, str]]:
    return [(row["id"], row["status"], row["answer"]) for row in rows(out)]


ALL = [
    ("a", "answered", "About First?"),
    ("b", "answered", "About Second?"),
    ("c", "answered", "About Third?"),
]


def test_every_question_gets_a_row_in_the_order_of_the_questions(
    questions: Path, out: Path
) -> None:
    script(lambda r: says(f"About {question(r)}", pause=0.1 if "First" in question(r) else 0))
    said = ask(questions, out, "--parallel", "3")
    assert answers(out) == ALL
    assert said.startswith("3 answered. Tokens: 300 in, 60 out. Cost: $0.0000, and 3 requests")


def test_a_row_tells_who_answered_how_fast_and_where_it_is_filed(
    questions: Path, out: Path
) -> None:
    script(echo)
    ask(questions, out, "--name", "spring")
    row = rows(out)[0]
    conversation = Conversation.objects.get(pk=row["conversation"])
    assert (row["provider"], row["model"]) == ("scripted", "script-1")
    assert row["batch"] == conversation.owner
    assert conversation.owner.startswith("batch:spring:")
    assert int(row["duration_ms"]) >= int(row["first_token_ms"]) >= 0
    assert row["cost"] == ""  # not known is not nothing
    assert Conversation.objects.count() == 3
    assert UsageRecord.objects.filter(conversation=conversation).count() == 1


def test_tools_run_and_sources_are_cited_as_for_a_customer(tmp_path: Path, out: Path) -> None:
    script(calls(("search", {"query": "kettle"})), says("Boil it with vinegar [a1-2]."))
    ask(write(tmp_path, "question", "How do I clean the kettle?"), out)
    row = rows(out)[0]
    assert row["answer"] == "Boil it with vinegar [1]."
    assert row["citations"] == "Kettles › Cleaning (/help/kettles/#cleaning)"


def test_an_answer_that_was_cut_is_no_whole_one(questions: Path, out: Path) -> None:
    script(says("Half an", reason=StopReason.MAX_TOKENS))
    assert ask(questions, out).startswith("3 partial.")
    assert {row["status"] for row in rows(out)} == {"partial"}


def test_never_more_than_asked_for_are_under_way(tmp_path: Path, out: Path) -> None:
    class Counting(ScriptedProvider):
        active = peak = 0

        async def stream(self, request: Request) -> AsyncIterator[Event]:
            self.active += 1
            self.peak = max(self.peak, self.active)
            async for event in super().stream(request):
                yield event
            self.active -= 1

    provider = Counting(says("Yes.", pause=0.05))
    providers.install(provider)
    ask(write(tmp_path, "question", *(f"Question {n}?" for n in range(8))), out, "--parallel", "2")
    assert provider.peak == 2
    assert provider.closed


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_a_spreadsheet_runs_nothing_of_what_is_written(
    tmp_path: Path, out: Path, start: str
) -> None:
    script(says(f"{start}SUM(A1:A9)"))
    ask(write(tmp_path, "id,question", f"{start}1,=1+1"), out)
    row = rows(out)[0]
    assert row["question"] == "'=1+1"
    assert row["answer"].startswith("'") or not row["answer"].startswith(start)
    assert row["id"].startswith("'") or start == "\t"
    provider = script(echo)
    ask(write(tmp_path, "id,question", f"{start}1,=1+1"), out)
    assert provider.requests == []  # the row is known again


def test_answers_are_written_as_the_questions_are(tmp_path: Path, out: Path) -> None:
    script(says("Größe M."))
    path = tmp_path / "questions.csv"
    path.write_bytes("\ufeffid;question\r\n1;Welche Größe?\r\n".encode())
    ask(path, out)
    assert out.read_bytes().startswith(b"\xef\xbb\xbfid;question;answer;")
    assert rows(out, ";")[0]["answer"] == "Größe M."
    assert "answered before" in ask(path, out)


# When something goes wrong ------------------------------------------------------------------------


def only_second_fails(request: Request) -> Round:
    if "Second" in question(request):
        return fails(ServerFailed("out of order", "scripted"))
    return echo(request)


def test_one_that_fails_hides_no_other_and_is_asked_again_next_time(
    questions: Path, out: Path
) -> None:
    script(only_second_fails)
    with pytest.raises(CommandError, match="Some questions failed") as failed:
        ask(questions, out)
    assert failed.value.returncode == 1
    assert [row["status"] for row in rows(out)] == ["answered", "failed", "answered"]
    assert rows(out)[1]["error"] == "API_ERROR"

    provider = script(echo)
    assert "2 answered before" in ask(questions, out)
    assert [question(request) for request in provider.requests] == ["Second?"]
    assert answers(out) == ALL


def test_a_question_whose_conversation_is_deleted_is_a_failed_row_too(
    questions: Path, out: Path
) -> None:
    class Deleting(ScriptedProvider):
        async def stream(self, request: Request) -> AsyncIterator[Event]:
            if "Second" in question(request):
                asked = Conversation.objects.filter(messages__text="Second?")
                await in_database(asked.delete)()
            async for event in super().stream(request):
                yield event

    providers.install(Deleting(echo))
    with pytest.raises(CommandError, match="Some questions failed"):
        ask(questions, out)
    assert [(row["status"], row["error"]) for row in rows(out)] == [
        ("answered", ""),
        ("failed", "DoesNotExist"),
        ("answered", ""),
    ]


def test_ctrl_c_leaves_a_file_that_the_next_run_goes_on_with(tmp_path: Path, out: Path) -> None:
    asked = 0

    def interrupted(request: Request) -> Round:
        nonlocal asked
        asked += 1
        if asked == 4:
            signal.raise_signal(signal.SIGINT)
        return says("Yes.", pause=0.01)

    path = write(tmp_path, "question", *(f"Question {n}?" for n in range(10)))
    script(interrupted)
    with pytest.raises(SystemExit) as ended:
        ask(path, out, "--parallel", "2")
    assert ended.value.code == 130
    before = rows(out)
    assert 1 <= len(before) <= 4
    assert {row["status"] for row in before} == {"answered"}

    provider = script(says("Yes."))
    ask(path, out)
    assert [row["id"] for row in rows(out)] == [str(n) for n in range(1, 11)]
    again = [question(request) for request in provider.requests]
    assert not {row["question"] for row in before} & set(again)
    # An answer that was stored while Ctrl-C came is in no row before, and is not asked for again.
    assert 6 <= len(again) == len(set(again)) <= 10 - len(before)
    assert Message.objects.filter(role=Message.Role.CUSTOMER).count() == 10


def test_an_answer_that_never_reached_the_file_is_read_not_asked_again(
    questions: Path, out: Path
) -> None:
    script(echo)
    ask(questions, out)
    whole = out.read_bytes()
    out.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))

    provider = script(says("Something else."))
    ask(questions, out)
    assert out.read_bytes() == whole
    assert provider.requests == []


@pytest.mark.parametrize("cut", [2, 40, 90])
def test_a_torn_last_row_is_written_anew(questions: Path, out: Path, cut: int) -> None:
    script(lambda r: says(f'About "{question(r)}"\nin two lines'))
    ask(questions, out)
    whole = out.read_bytes()
    out.write_bytes(whole[:-cut])
    ask(questions, out)
    assert out.read_bytes() == whole


def test_fresh_asks_all_again(questions: Path, out: Path) -> None:
    script(says("Old."))
    ask(questions, out)
    script(echo)
    ask(questions, out, "--fresh")
    assert answers(out) == ALL


def test_a_question_added_later_is_asked_and_the_others_are_kept(
    tmp_path: Path, questions: Path, out: Path
) -> None:
    script(echo)
    ask(questions, out)
    provider = script(says("New."))
    ask(write(tmp_path, "id,question", "z,Zeroth?", "a,First?", "b,Second?", "c,Third?"), out)
    assert answers(out) == [("z", "answered", "New."), *ALL]
    assert len(provider.requests) == 1


def test_answers_to_other_questions_are_never_thrown_away(
    tmp_path: Path, questions: Path, out: Path
) -> None:
    script(echo)
    ask(questions, out)
    whole = out.read_bytes()
    with pytest.raises(CommandError, match="with the id a: take its row out, or name another"):
        ask(write(tmp_path, "id,question", "a,Another?"), out)
    assert out.read_bytes() == whole


@pytest.mark.parametrize(
    "content", ["name,amount\nAda,3\n", f"{','.join(COLUMNS)}\r\nx,y\r\nz,w\r\n"]
)
def test_a_file_of_something_else_is_left_alone(questions: Path, out: Path, content: str) -> None:
    out.write_bytes(content.encode())
    with pytest.raises(CommandError, match="no file of answers"):
        ask(questions, out)
    assert out.read_bytes() == content.encode()


def test_what_cannot_be_used_is_told_with_what_to_do(tmp_path: Path, out: Path) -> None:
    bad = write(tmp_path, "id,question", "1,A?", "2,")
    for path, to, options, told in (
        (tmp_path / "none.csv", out, (), "none.csv cannot be read: No such file"),
        (bad, out, (), "questions.csv: Line 3 has no question: write one"),
        (bad, out, ("--parallel", "0"), "0 is no number of questions"),
        (bad, out, ("--delimiter", "::"), ":: is not one character"),
    ):
        with pytest.raises(CommandError, match=told):
            ask(path, to, *options)
    good = write(tmp_path, "question", "A?")
    with pytest.raises(CommandError, match="--out names the file of questions"):
        ask(good, good)
    with pytest.raises(CommandError, match="cannot be written: No such file"):
        ask(good, tmp_path / "nowhere" / "answers.csv")


def test_a_file_without_a_header_is_asked_and_told(tmp_path: Path, out: Path) -> None:
    script(echo)
    said = ask(write(tmp_path, "First?", "Second, or third?"), out)
    assert "has no column “question”" in said
    assert [row["answer"] for row in rows(out)] == ["About First?", "About Second, or third?"]


def test_a_run_that_is_killed_is_completed_without_asking_twice(tmp_path: Path, out: Path) -> None:
    """The whole command as a process, with the embedded default and the offline engine."""
    data = tmp_path / "data"
    path = write(tmp_path, "question", *(f"How do I return item {n}?" for n in range(60)))
    manage(data, "migrate", "--verbosity", "0").wait(PATIENCE)
    first = manage(data, "ask", str(path), "--out", str(out), "--parallel", "3")
    deadline = time.monotonic() + PATIENCE
    while not out.exists() or out.read_bytes().count(b"\n") < 6:
        assert first.poll() is None, "it ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.wait(PATIENCE)
    before = rows(out)
    assert 5 <= len(before) < 60

    assert manage(data, "ask", str(path), "--out", str(out)).wait(PATIENCE) == 0
    after = rows(out)
    assert [row["id"] for row in after] == [str(n) for n in range(1, 61)]
    assert {row["status"] for row in after} == {"answered"}
    assert len({row["conversation"] for row in after}) == 60
    assert all(row in after for row in before)


def manage(data: Path, *command: str) -> "subprocess.Popen[bytes]":
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(data), "SUPPORTBOT_DEMO": "false"}
    return subprocess.Popen(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
