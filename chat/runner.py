"""The bounded runner: many pieces of work, a few at once, an outcome for each.

Items are pulled only when there is room for them, so a hundred thousand of them are never a hundred
thousand tasks. Whoever stops early, by an exception, by cancellation or by closing the generator,
gets control back once everything that was running has ended: nothing is left behind.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Item, Result]):
    """How the work on one item ended. `number` counts the items from 0, in the order they came."""

    number: int
    item: Item
    _ended: "asyncio.Task[Result]"

    @property
    def error(self) -> BaseException | None:
        """What the work raised; CancelledError where it was cancelled by itself."""
        return asyncio.CancelledError() if self._ended.cancelled() else self._ended.exception()

    def result(self) -> Result:
        """What the work returned; raises what it raised."""
        return self._ended.result()


async def outcomes(
    work: Callable[[Item], Awaitable[Result]], items: Iterable[Item], *, at_once: int
) -> AsyncGenerator[Outcome[Item, Result], None]:
    """Does `work` on each item, `at_once` at most at a time; yields outcomes as they come.

    One that fails never stops another. Raises only what `items` itself raises. Wrap it in
    `contextlib.aclosing`, unless it is read to its end.
    """
    waiting = enumerate(items)
    running: dict[asyncio.Task[Result], tuple[int, Item]] = {}
    try:
        while True:
            for number, item in islice(waiting, at_once - len(running)):
                running[asyncio.create_task(_awaited(work, item))] = (number, item)
            if not running:
                return
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                number, item = running.pop(task)
                yield Outcome(number, item, task)
    finally:
        await _end(running)


async def results(
    work: Callable[[Item], Awaitable[Result]], items: Iterable[Item], *, at_once: int
) -> tuple[Result, ...]:
    """Does `work` on each item, `at_once` at most at a time; returns results in the items' order.

    The first failure cancels the rest, and is raised once all of it has ended.
    """
    found: dict[int, Result] = {}
    async with aclosing(outcomes(work, items, at_once=at_once)) as ended:
        async for outcome in ended:
            found[outcome.number] = outcome.result()
    return tuple(found[number] for number in sorted(found))


async def _awaited(work: Callable[[Item], Awaitable[Result]], item: Item) -> Result:
    return await work(item)


async def _end(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancels tasks and sees them to their end, which they may put off. They are cancelled once: a
    tool call that puts its end off must get there. Cancelling this meanwhile counts after that."""
    cancelled: asyncio.CancelledError | None = None
    unfinished = set(tasks)
    for task in tasks:
        task.cancel()
    while unfinished:
        try:
            _, unfinished = await asyncio.wait(unfinished)
        except asyncio.CancelledError as error:
            cancelled = error
    for task in tasks:
        if not task.cancelled():
            task.exception()  # read, so that asyncio does not report it: the first one is raised
    if cancelled:
        raise cancelled
