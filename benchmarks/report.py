"""The benchmark's report: tables for people, and one line of JSON for whatever keeps the figures."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.figures import (
    Cost,
    Figures,
    Load,
    Metric,
    cost,
    middle,
    ratio,
    tokens_per_cpu_second,
)
from benchmarks.systems import APPS, BASELINE

Rounds = Mapping[str, Sequence[Figures]]
"""One system's runs, by the load's name, a run for each round."""

PACED = ("1", "50", "200", "200_burst")
"""The loads whose delays are told: so many conversations of 100 tokens at 20 ms."""

SHOWN = 3
"""Faults that are printed in full: one cause often has a hundred."""

AIMS: dict[str, tuple[str, float]] = {
    "marginal_cpu_per_token_ratio": ("<=", 0.35),
    "flat_out_tokens_per_cpu_ratio": (">=", 1.0),
    "first_token_p95_ms_200": ("<=", 50.0),
    "relay_p95_ms_200": ("<=", 50.0),
    "fixed_cpu_ms_per_turn": ("<=", 15.0),
}
"""What the project wants of the app, on PostgreSQL."""

_DELAYS: tuple[tuple[str, str, Metric], ...] = (
    ("added first token p50", "first_token_p50_ms_{}", lambda run: run.first_token_p50),
    ("added first token p95", "first_token_p95_ms_{}", lambda run: run.first_token_p95),
    ("relay delay p50", "relay_p50_ms_{}", lambda run: run.delay_p50),
    ("relay delay p95", "relay_p95_ms_{}", lambda run: run.delay_p95),
)


@dataclass(frozen=True, slots=True)
class Setting:
    """Under what the figures came about."""

    loads: Mapping[str, Load]
    rounds: int
    database: str
    redis: bool
    pinned: bool
    complaints: Sequence[str]


def show(setting: Setting, measured: Mapping[str, Rounds]) -> int:
    """Prints the report; 1 where a token was lost, or a server logged work that was not done."""
    systems = {name: _system(setting, runs, measured[BASELINE]) for name, runs in measured.items()}
    everything = [run for runs in measured.values() for each in runs.values() for run in each]
    faults = {
        "lost_tokens": sum(run.lost for run in everything),
        "errors_logged": len(setting.complaints),
    }
    _print_tables(setting, systems)
    late = middle(everything, lambda run: run.provider_late_p95)
    print(f"\nThe provider was {late:.1f} ms late (p95): the machine's part in the delays.")
    broken = [answer for run in everything for answer in run.broken]
    _print_some("Broken answers", broken)
    _print_some("Errors logged", setting.complaints)
    headline = next(name for name in (*APPS, *systems) if name in systems)
    chosen = {key: systems[headline][key] for key in AIMS}
    _print_aims(headline, chosen)
    told = {
        **chosen,
        "system": headline,
        "database": setting.database,
        "redis": setting.redis,
        "rounds": setting.rounds,
        "pinned": setting.pinned,
        "spread_ms": {load.name: load.spread_ms for load in setting.loads.values()},
        **faults,
        "systems": systems,
    }
    print(json.dumps(_readable(told)))
    return 1 if any(faults.values()) else 0


def _system(setting: Setting, runs: Rounds, baseline: Rounds) -> dict[str, float]:
    loads = setting.loads
    ours, bare = _costs(loads, runs), _costs(loads, baseline)
    flat, bare_flat = _flat_out(loads, runs), _flat_out(loads, baseline)
    found = {
        "marginal_cpu_per_token_ratio": ratio(_per_token(ours), _per_token(bare)),
        "marginal_cpu_ms_per_1000_tokens": median(_per_token(ours)) * 1000,
        "fixed_cpu_ms_per_turn": median(part.fixed for part in ours),
        "flat_out_tokens_per_cpu_ratio": ratio(flat, bare_flat),
        "flat_out_tokens_per_cpu_second": median(flat),
    }
    for name in PACED:
        cpu = [[run.cpu / loads[name].total for run in each[name]] for each in (runs, baseline)]
        found[f"cpu_ms_per_1000_tokens_{name}"] = median(cpu[0]) * 1000
        found[f"cpu_ratio_{name}"] = ratio(*cpu)
        found |= {key.format(name): middle(runs[name], metric) for _, key, metric in _DELAYS}
    return {key: round(value, 3 if "ratio" in key else 2) for key, value in found.items()}


def _readable(value: Any) -> Any:
    """`value` without NaN, which no JSON has: nothing arrived that could be timed."""
    if isinstance(value, dict):
        return {key: _readable(each) for key, each in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def _print_some(what: str, lines: Sequence[str]) -> None:
    if lines:
        print(f"{what}: {len(lines)}, such as:", *lines[:SHOWN], sep="\n  ")


def _costs(loads: Mapping[str, Load], runs: Rounds) -> list[Cost]:
    return [
        cost((loads["short"], short), (loads["long"], long))
        for short, long in zip(runs["short"], runs["long"], strict=True)
    ]


def _per_token(costs: Sequence[Cost]) -> list[float]:
    return [part.per_token for part in costs]


def _flat_out(loads: Mapping[str, Load], runs: Rounds) -> list[float]:
    return [tokens_per_cpu_second(loads["flat"], run) for run in runs["flat"]]


def _print_tables(setting: Setting, systems: Mapping[str, Mapping[str, float]]) -> None:
    storage = f"{setting.database}, {'Redis' if setting.redis else 'no Redis'}"
    cores = "server on one core, client and provider on the other"
    print(
        f"The app on {storage}; median of {setting.rounds} interleaved rounds; "
        f"{cores if setting.pinned else 'not pinned'}.\n"
        f"Fixed and marginal: answers of {setting.loads['short'].tokens} and "
        f"{setting.loads['long'].tokens} tokens at {setting.loads['long'].gap_ms:g} ms, "
        f"{setting.loads['long'].conversations} conversations.\n"
    )
    rows = [
        ("CPU a token, ratio", "marginal_cpu_per_token_ratio"),
        ("CPU ms per 1,000 tokens", "marginal_cpu_ms_per_1000_tokens"),
        ("CPU ms a turn, fixed", "fixed_cpu_ms_per_turn"),
        ("flat out: tokens per CPU s", "flat_out_tokens_per_cpu_second"),
        ("flat out: ratio", "flat_out_tokens_per_cpu_ratio"),
    ]
    for name in PACED:
        rows.append((f"{name.replace('_', ', ')}: CPU ratio", f"cpu_ratio_{name}"))
        rows += [(f"  {label} ms", key.format(name)) for label, key, _ in _DELAYS]
    print(f"{'':32}" + "".join(f"{name:>13}" for name in systems))
    for label, key in rows:
        print(f"{label:32}" + "".join(f"{found[key]:13.2f}" for found in systems.values()))


def _print_aims(headline: str, chosen: Mapping[str, float]) -> None:
    for key, (sign, aim) in AIMS.items():
        value: Any = chosen[key]
        met = value <= aim if sign == "<=" else value >= aim
        print(f"{headline} {key}: {value} ({'meets' if met else 'MISSES'} {sign} {aim:g})")
