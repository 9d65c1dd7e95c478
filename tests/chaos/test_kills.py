"""How long a turn took to run again after its runner was killed."""

from chaos.model import Stream
from chaos.scenarios.kills import recoveries
from chaos.script import Kind, Question

NOW = 100.0


def stream(key: str, began: float, cut: float | None = None) -> Stream:
    ended = began + 1 if cut is None else cut
    return Stream(Question(key, Kind.PLAIN, 1), 0, False, began, ended, cut is not None)


def test_it_ends_with_the_next_request_of_the_same_question() -> None:
    streams = [stream("a", 0, cut=1), stream("b", 3), stream("a", 12)]
    assert recoveries(streams, {"a": 14.0}, NOW) == [11.0]


def test_or_with_the_end_of_the_turn() -> None:
    assert recoveries([stream("a", 0, cut=1)], {"a": 9.0}, NOW) == [8.0]


def test_each_kill_of_a_turn_counts() -> None:
    streams = [stream("a", 0, cut=1), stream("a", 10, cut=11), stream("a", 13)]
    assert recoveries(streams, {"a": 15.0}, NOW) == [9.0, 2.0]


def test_one_that_never_came_back_counts_until_now() -> None:
    assert recoveries([stream("a", 0, cut=1)], {}, NOW) == [99.0]


def test_what_was_not_cut_needs_none() -> None:
    assert recoveries([stream("a", 0)], {"a": 1.0}, NOW) == []
