"""What the last line says, and when the suite fails."""

from chaos import scoreboard
from chaos.scenario import Control
from chaos.scoreboard import Played, Shown
from chaos.stage import Outcome

GOOD = Played("kills", Outcome({"lost": 0, "recovery_p99_s": 11.5}, {"lost: none": True}), 1)
BAD = Played("cuts", Outcome({"lost": 2, "recovery_p99_s": 3.0}, {"lost: none": False}), 1)
SHOWN = Shown("kills", Control("recovery", shows="not_terminal"), 7, 1)
NOTHING = Shown("kills", Control("recovery", shows="not_terminal"), 0, 1)


def test_what_the_issue_asks_for_is_in_the_last_line() -> None:
    figures = scoreboard.total(1, False, [GOOD], [])
    asked = "lost duplicate_replies duplicate_tickets not_terminal kills_mid_turn leaks closes_1011"
    assert {*asked.split(), "recovery_p99_s"} <= figures.keys()


def test_counts_add_up_and_the_longest_recovery_counts() -> None:
    figures = scoreboard.total(1, False, [GOOD, BAD], [])
    assert (figures["lost"], figures["recovery_p99_s"]) == (2, 11.5)


def test_a_broken_promise_is_named() -> None:
    figures = scoreboard.total(1, False, [GOOD, BAD], [SHOWN])
    assert not figures["kept"]
    assert figures["broken"] == ["cuts: lost: none"]


def test_a_control_that_shows_nothing_fails_as_well() -> None:
    assert scoreboard.total(1, False, [GOOD], [SHOWN])["kept"]
    assert not scoreboard.total(1, False, [GOOD], [SHOWN, NOTHING])["kept"]


def test_the_seed_is_told() -> None:
    assert scoreboard.total(42, True, [], [])["seed"] == 42
