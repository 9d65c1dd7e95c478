"""The bounded runner: a few at once, an outcome for each, and nothing left behind."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing

import pytest

from chat import runner


class Work:
    """Work that says what it does: `active` now, `peak` at most, which items were cancelled.

    An item that is a number of seconds takes that long; an exception is raised.
    """

    def __init__(self) -> None:
        self.active = self.peak = 0
        self.cancelled: list[object] = []

    async def __call__(self, item: float | Exception) -> float:
        self.active += 1
        self.peak = max(self.peak, self.active)
        try:
            if isinstance(item, Exception):
                raise item
            await asyncio.sleep(item)
        except asyncio.CancelledError:
            self.cancelled.append(item)
            raise
        finally:
            self.active -= 1
        return item


async def test_results_stand_in_the_order_of_the_items_whichever_ends_first() -> None:
    work = Work()
    assert await runner.results(work, [0.03, 0.0, 0.01], at_once=3) == (0.03, 0.0, 0.01)
    assert work.peak == 3


async def test_never_more_run_at_once_than_are_allowed() -> None:
    work = Work()
    await runner.results(work, [0.001] * 50, at_once=5)
    assert work.peak == 5


async def test_items_are_pulled_only_when_there_is_room() -> None:
    pulled = 0

    def items() -> Iterator[float]:
        nonlocal pulled
        for _ in range(100_000):
            pulled += 1
            yield 0.0

    async with aclosing(runner.outcomes(Work(), items(), at_once=3)) as ended:
        async for _ in ended:
            break
    assert pulled == 3


async def test_one_that_fails_leaves_the_others_and_is_told_with_its_item() -> None:
    work, broken = Work(), ValueError("broken")
    items: list[float | Exception] = [0.0, broken, 0.01]
    found = [outcome async for outcome in runner.outcomes(work, items, at_once=2)]
    assert sorted(outcome.number for outcome in found) == [0, 1, 2]
    assert {outcome.number: outcome.error for outcome in found} == {0: None, 1: broken, 2: None}
    failed = next(outcome for outcome in found if outcome.error)
    assert failed.item is broken
    with pytest.raises(ValueError, match="broken"):
        failed.result()


async def test_outcomes_come_as_they_are_there_not_in_the_items_order() -> None:
    found = [outcome.number async for outcome in runner.outcomes(Work(), [0.1, 0.0], at_once=2)]
    assert found == [1, 0]


async def test_the_first_failure_is_raised_as_it_is_once_the_others_have_ended() -> None:
    work = Work()
    items: list[float | Exception] = [60, ValueError("broken"), 60]
    with pytest.raises(ValueError, match="broken"):
        await runner.results(work, items, at_once=3)
    assert (work.active, work.cancelled) == (0, [60, 60])


async def test_what_puts_its_cancellation_off_is_waited_for() -> None:
    ended = []

    async def shielded(item: float | Exception) -> None:
        if isinstance(item, Exception):
            raise item
        inner = asyncio.ensure_future(asyncio.sleep(item))
        try:
            await asyncio.shield(inner)
        finally:
            await asyncio.wait({inner})
            ended.append(item)

    items: list[float | Exception] = [0.05, ValueError("broken")]
    with pytest.raises(ValueError, match="broken"):
        await runner.results(shielded, items, at_once=2)
    assert ended == [0.05]


async def test_cancelling_cancels_what_runs_and_pulls_no_more() -> None:
    work = Work()
    whole = asyncio.create_task(runner.results(work, iter([60] * 100), at_once=4))
    await asyncio.sleep(0.01)
    whole.cancel()
    await asyncio.wait({whole})
    assert whole.cancelled()
    assert (work.active, work.cancelled) == (0, [60] * 4)


async def test_a_second_cancellation_neither_cuts_an_end_short_nor_leaves_work_behind() -> None:
    going, ended = asyncio.Event(), asyncio.Event()

    async def stubborn(_: int) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            going.set()
            await asyncio.sleep(0.05)
            ended.set()

    whole = asyncio.create_task(runner.results(stubborn, [1], at_once=1))
    await asyncio.sleep(0.01)
    whole.cancel()
    await going.wait()
    whole.cancel()
    await asyncio.wait({whole})
    assert whole.cancelled()
    assert ended.is_set()


async def test_items_that_break_off_end_what_runs_and_are_told() -> None:
    work = Work()

    def items() -> Iterator[float]:
        yield from (60, 0.0)
        raise OSError("the file is gone")

    with pytest.raises(OSError, match="the file is gone"):
        await runner.results(work, items(), at_once=2)
    assert (work.active, work.cancelled) == (0, [60])


async def test_work_that_cancels_itself_counts_as_failed() -> None:
    async def gives_up(_: int) -> None:
        raise asyncio.CancelledError

    (outcome,) = [outcome async for outcome in runner.outcomes(gives_up, [1], at_once=1)]
    assert isinstance(outcome.error, asyncio.CancelledError)


async def test_no_items_are_no_results() -> None:
    assert await runner.results(Work(), [], at_once=5) == ()
