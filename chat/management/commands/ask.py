"""`manage.py ask QUESTIONS.csv`: answers a file of questions."""

import asyncio
import logging
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from chat import asking
from chat.answer_file import FAILED, AnswerFile, BadAnswers, key
from chat.asking import Asked, Spent
from chat.question_file import BadQuestions, Question, QuestionFile, read

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended, by convention."""


@dataclass
class Tally:
    """What a run has come to."""

    ended: Counter[str] = field(default_factory=Counter)
    spent: Spent = field(default_factory=Spent)

    def add(self, asked: Asked) -> None:
        self.ended[asked.row.status] += 1
        self.spent += asked.spent

    def __str__(self) -> str:
        """The line at the end: how many came to what, and what it cost."""
        outcomes = ", ".join(f"{count:,} {status}" for status, count in sorted(self.ended.items()))
        line = (
            f"{outcomes or 'Nothing was left to ask'}. "
            f"Tokens: {self.spent.input_tokens:,} in, {self.spent.output_tokens:,} out. "
            f"Cost: ${self.spent.cost:.4f}"
        )
        if not self.spent.unpriced:
            return f"{line}."
        requests = "1 request" if self.spent.unpriced == 1 else f"{self.spent.unpriced:,} requests"
        return f"{line}, and {requests} without a known price."


class Command(BaseCommand):
    help = (
        "Answers the questions of a CSV file, a few at once, into another. Running it again asks "
        "what is not answered yet."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "questions", type=Path, help="CSV with a column “question”, perhaps “id”"
        )
        parser.add_argument("--out", type=Path, required=True, help="CSV for the answers")
        parser.add_argument(
            "--parallel", type=_parallel, default=5, help="questions at once; 5 if not given"
        )
        parser.add_argument(
            "--fresh", action="store_true", help="ask all again, and start --out over"
        )
        parser.add_argument(
            "--delimiter",
            type=_delimiter,
            help="of the columns; found out if not given",
        )
        parser.add_argument(
            "--name", help="of the batch, for the staff; that of --out if not given"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["questions"]
        out: Path = options["out"]
        questions = _read(path, options["delimiter"])
        if out.resolve() == path.resolve():
            raise CommandError("--out names the file of questions: name another.")
        if not questions.header:
            self.stderr.write(
                f"{path} has no column “question”: the first column of each row is asked."
            )
        tally = Tally()
        try:
            with _told(out):
                self._ask(AnswerFile(out, questions), questions, options, tally)
        except KeyboardInterrupt:
            self.stdout.write(f"{tally}\nInterrupted: run it again to go on.")
            raise SystemExit(INTERRUPTED) from None
        self.stdout.write(str(tally))
        if tally.ended[FAILED]:
            raise CommandError(
                "Some questions failed; their rows say why. Run it again to retry them."
            )

    def _ask(
        self, file: AnswerFile, questions: QuestionFile, options: dict[str, Any], tally: Tally
    ) -> None:
        with file.open(fresh=options["fresh"]) as answered:
            if answered:
                self.stdout.write(f"{len(answered):,} answered before.")
            left = [question for question in questions.questions if key(question) not in answered]
            name = options["name"] or options["out"].stem
            batch = file.batch or asking.new_batch(name)
            with _bar(len(left)) as bar:
                asyncio.run(_run(file, batch, left, options["parallel"], tally, bar))
        file.sort()


async def _run(
    file: AnswerFile,
    batch: str,
    questions: Sequence[Question],
    parallel: int,
    tally: Tally,
    bar: "tqdm[Any]",
) -> None:
    async with aclosing(asking.ask_all(batch, questions, parallel=parallel)) as ended:
        async for asked in ended:
            file.add(asked.row)
            tally.add(asked)
            bar.update()


@contextmanager
def _bar(total: int) -> Iterator["tqdm[Any]"]:
    """A progress bar where somebody watches, which log lines do not break."""
    bar: tqdm[Any] = tqdm(total=total, desc="Questions", unit="", file=sys.stderr, disable=None)
    with bar:
        if bar.disable:
            yield bar
        else:
            with logging_redirect_tqdm([logging.root]):
                yield bar


def _read(path: Path, delimiter: str | None) -> QuestionFile:
    try:
        return read(path, delimiter=delimiter)
    except BadQuestions as error:
        raise CommandError(f"{path}: {error}") from error
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror or error}") from error


@contextmanager
def _told(out: Path) -> Iterator[None]:
    """Tells what is wrong with the file of answers."""
    try:
        yield
    except BadAnswers as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"{out} cannot be written: {error.strerror or error}") from error


def _parallel(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text} is no number of questions, such as 5")
    return int(text)


def _delimiter(text: str) -> str:
    named = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if len(named) != 1:
        raise ArgumentTypeError(f"{text} is not one character, nor “tab”")
    return named
