"""The benchmark's report: a table for people, and one line of JSON for whatever keeps the figures."""

import json
from collections.abc import Sequence

from benchmarks.figures import Figures, Load, Metric, middle, ratio

_ROWS: tuple[tuple[str, str, Metric], ...] = (
    ("CPU ms per 1,000 tokens", "cpu_ms_per_1000_tokens", lambda f: f.cpu),
    ("  with what follows answers", "cpu_settled_ms_per_1000_tokens", lambda f: f.cpu_settled),
    ("Added first token ms, p50", "first_token_ms_{}_p50", lambda f: f.first_token_p50),
    ("                      p95", "first_token_ms_{}_p95", lambda f: f.first_token_p95),
    ("Relay delay ms, p50", "relay_delay_ms_{}_p50", lambda f: f.delay_p50),
    ("                p95", "relay_delay_ms_{}_p95", lambda f: f.delay_p95),
)
_RATIOS: dict[str, Metric] = {
    "cpu_ratio": lambda f: f.cpu,
    "cpu_settled_ratio": lambda f: f.cpu_settled,
    "first_token_ratio": lambda f: f.first_token_p50,
    "relay_delay_ratio": lambda f: f.delay_p50,
}


def show(
    load: Load,
    backend: str,
    app: Sequence[Figures],
    bare: Sequence[Figures],
    complaints: Sequence[str],
) -> int:
    """Prints the report; 1 where a token was lost, or `complaints` tell of work that was not done."""
    print(
        f"{load.conversations} conversations of {load.tokens} tokens at {load.gap_ms:g} ms, started "
        f"within {load.spread_ms:g} ms; {backend}; median of {len(app)} rounds\n"
    )
    print(f"{'':30}{'app':>10}{'bare':>10}{'ratio':>10}")
    for label, _, metric in _ROWS:
        print(
            f"{label:30}{middle(app, metric):10.1f}{middle(bare, metric):10.1f}"
            f"{ratio(app, bare, metric):10.2f}"
        )
    lost = sum(run.lost for run in (*app, *bare))
    late = middle((*app, *bare), lambda f: f.provider_late_p95)
    print(f"\nThe provider was up to {late:.1f} ms late (p95): the machine's part in the delays.")
    print(f"Lost tokens: {lost} of {load.total * (len(app) + len(bare)):,}.\n")
    for line in complaints:
        print(f"Logged: {line}")
    faults = {"lost_tokens": lost, "errors_logged": len(complaints)}
    print(json.dumps(_summary(load, backend, app, bare) | faults))
    return 1 if any(faults.values()) else 0


def _summary(
    load: Load, backend: str, app: Sequence[Figures], bare: Sequence[Figures]
) -> dict[str, object]:
    measured = {
        _key(template, name): round(middle(runs, metric), 2)
        for _, template, metric in _ROWS
        for name, runs in (("app", app), ("bare", bare))
    }
    return {
        "backend": backend,
        "conversations": load.conversations,
        "tokens": load.tokens,
        "gap_ms": load.gap_ms,
        "spread_ms": load.spread_ms,
        "rounds": len(app),
        **measured,
        **{name: round(ratio(app, bare, metric), 2) for name, metric in _RATIOS.items()},
    }


def _key(template: str, name: str) -> str:
    return template.format(name) if "{}" in template else f"{template}_{name}"
