"""The relay benchmark measures what it says it does."""

import asyncio
import json
import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import report, stamps
from benchmarks.figures import Figures, Load, cost, figures, percentile, tokens_per_cpu_second
from benchmarks.processes import cores, free_port, running
from benchmarks.relay import Bench, measure
from benchmarks.sockets import Answer, AnswerBroken, cut
from benchmarks.systems import started

pytestmark = pytest.mark.any_storage

LOADS = {
    load.name: load
    for load in (
        Load("1", 1, 100, 20, 2000),
        Load("50", 50, 100, 20, 2000),
        Load("200", 200, 100, 20, 10_000),
        Load("200_burst", 200, 100, 20, 2000),
        Load("short", 50, 20, 20, 1000),
        Load("long", 50, 220, 20, 1000),
        Load("flat", 50, 100, 0, 0),
    )
}


def of_cpu(cpu: float, lost: int = 0) -> Figures:
    return Figures(cpu, 1.0, 2.0, 3.0, 4.0, 0.5, lost, ())


def server(fixed: float, per_token: float) -> dict[str, Sequence[Figures]]:
    """The runs of a server whose answers cost that many milliseconds."""
    return {
        name: [of_cpu(load.conversations * (fixed + load.tokens * per_token))]
        for name, load in LOADS.items()
    }


def frame(kind: str, text: str = "", **more: object) -> tuple[int, bytes]:
    return 9_000_000, json.dumps({"type": kind, "text": text, **more}).encode()


def test_answers_of_two_lengths_tell_the_fixed_cost_from_the_marginal_one() -> None:
    runs = server(fixed=12.0, per_token=0.1)
    found = cost((LOADS["short"], runs["short"][0]), (LOADS["long"], runs["long"][0]))
    assert [found.fixed, found.per_token] == pytest.approx([12.0, 0.1])


def test_flat_out_counts_all_that_a_turn_takes() -> None:
    (run,) = server(fixed=10.0, per_token=0.1)["flat"]
    assert tokens_per_cpu_second(LOADS["flat"], run) == pytest.approx(100 / 0.020)


def test_the_last_line_is_json_with_the_ratios_to_the_bare_relay(
    capsys: pytest.CaptureFixture[str],
) -> None:
    setting = report.Setting(LOADS, 1, "SQLite", False, True, ())
    systems = {"app-uvicorn": server(12.0, 0.1), "bare": server(4.0, 0.4)}
    assert report.show(setting, systems) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["marginal_cpu_per_token_ratio"] == 0.25
    assert told["fixed_cpu_ms_per_turn"] == 12.0
    assert told["flat_out_tokens_per_cpu_ratio"] == 2.0
    assert (told["first_token_p95_ms_200"], told["relay_p95_ms_200"]) == (2.0, 4.0)
    assert (told["database"], told["rounds"], told["lost_tokens"]) == ("SQLite", 1, 0)
    assert set(told["systems"]) == {"app-uvicorn", "bare"}


def test_lost_tokens_and_logged_errors_fail_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    lost = {**server(4.0, 0.4), "1": [of_cpu(1.0, lost=3)]}
    silent = report.Setting(LOADS, 1, "SQLite", False, True, ())
    assert report.show(silent, {"bare": lost}) == 1
    loud = report.Setting(LOADS, 1, "SQLite", False, True, ("ERROR it broke",))
    assert report.show(loud, {"bare": server(4.0, 0.4)}) == 1


def test_the_providers_own_gap_is_no_delay_of_the_server() -> None:
    load = Load("x", 1, 2, 20, 0)
    answer = Answer(0)
    sent = [20_000_000, 40_000_000]
    answer.frames += [
        (sent[0] + 3_000_000, frame("answer.delta", f" 0:{sent[0]};")[1]),
        (sent[1] + 5_000_000, frame("answer.delta", f" 1:{sent[1]};")[1]),
        frame("answer.completed"),
    ]
    found = figures(load, [answer], cpu=0.5)
    assert (found.first_token_p50, found.delay_p50, found.lost) == (3.0, 4.0, 0)
    assert found.cpu == 500


def test_a_token_that_is_cut_between_frames_is_read_whole() -> None:
    answer = Answer(0, [frame("answer.delta", " 0:1"), frame("answer.delta", "23; 1:4;")])
    assert [(n, sent) for n, sent, _ in answer.arrivals()] == [(0, 123), (1, 4)]
    assert stamps.read(" 0:12; 1:3") == ([(0, 12)], " 1:3")


@pytest.mark.parametrize(
    "frames",
    [
        [frame("answer.delta", " 0:1;", offset=5)],
        [frame("answer.failed", code="TIMEOUT")],
        [frame("answer.delta", " 0:1;"), frame("answer.completed", message={"text": "else"})],
    ],
)
def test_an_answer_that_is_not_what_was_sent_counts_as_lost(
    frames: list[tuple[int, bytes]],
) -> None:
    answer = Answer(0, frames)
    with pytest.raises(AnswerBroken):
        answer.arrivals()
    found = figures(Load("x", 1, 5, 20, 0), [answer], cpu=0.1)
    assert (found.lost, len(found.broken)) == (5, 1)
    assert math.isnan(found.first_token_p50)


@pytest.mark.parametrize("size", [0, 125, 126, 70_000])
def test_frames_are_cut_off_whatever_their_length(size: int) -> None:
    payload = b"x" * size
    if size < 126:
        length = bytes([size])
    elif size <= 0xFFFF:
        length = b"\x7e" + size.to_bytes(2, "big")
    else:
        length = b"\x7f" + size.to_bytes(8, "big")
    whole = b"\x81" + length + payload
    data = bytearray(whole[:-1])
    assert cut(data) is None
    data = bytearray(whole + b"\x89")
    assert cut(data) == (0x81, payload)
    assert data == b"\x89"


def test_percentiles_of_next_to_nothing() -> None:
    assert math.isnan(percentile([], 95))
    assert percentile([7.0], 95) == 7.0
    assert percentile([0.0, 100.0], 95) == 95.0


def test_every_token_of_a_real_relay_arrives_and_is_timed(tmp_path: Path) -> None:
    load = Load("x", conversations=3, tokens=20, gap_ms=2, spread_ms=5)
    port, (_, other) = free_port(), cores()
    fake = ["-m", "benchmarks.fake_anthropic", "--port", str(port)]
    with (
        running("provider", fake, port=port, folder=tmp_path, on=other) as provider,
        started("bare", provider.origin, tmp_path) as bare,
    ):
        found = asyncio.run(measure(Bench(provider, {"bare": bare}), bare, load))
        assert bare.server.complaints() == []
    assert (found.lost, found.broken) == (0, ())
    assert found.cpu > 0
    assert found.delay_p95 >= found.delay_p50 > 0
