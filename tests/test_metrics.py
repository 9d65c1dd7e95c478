"""`/metrics`: there for whoever has the token, and docs/operations.md speaks of what is there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from chat import metrics
from chat.llm.base import ProviderError
from chat.telemetry import SPANS
from supportbot import telemetry
from tests.chat.test_telemetry import everything

TOKEN = "the-scraper's-token-é"
OPERATIONS = (Path(__file__).parent.parent / "docs" / "operations.md").read_text("utf-8")
SERIES = re.compile(r"\b(?:supportbot|gen_ai)_\w+")


@pytest.fixture
def token(settings: Settings) -> str:
    settings.METRICS_TOKEN = TOKEN
    return f"Bearer {TOKEN}"


@pytest.fixture
def recording(token: str) -> Iterator[None]:
    telemetry.set_up("supportbot")
    yield
    telemetry.shut_down()


def test_without_a_token_there_is_nothing(client: Client) -> None:
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"authorization": "Bearer "}).status_code == 404


@pytest.mark.parametrize(
    "sent", ["", "Bearer ", "Bearer wrong", TOKEN, f"Basic {TOKEN}", "Bearer é"]
)
def test_the_wrong_token_is_refused(client: Client, token: str, sent: str) -> None:
    answer = client.get("/metrics", headers={"authorization": sent})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.content == b""


def test_it_is_only_read(client: Client, token: str) -> None:
    assert client.post("/metrics", headers={"authorization": token}).status_code == 405


def scrape(client: Client, token: str) -> str:
    answer = client.get("/metrics", headers={"authorization": token})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    return answer.content.decode()


def test_the_right_token_reads_what_this_process_recorded(
    client: Client, token: str, recording: None
) -> None:
    everything()
    text = scrape(client, token)
    assert 'supportbot_thumbs_total{supportbot_rating="up"} 1.0' in text
    assert 'service_name="supportbot"' in text
    assert "supportbot_turn_duration_seconds_bucket" in text


def test_nothing_is_recorded_once_it_is_shut_down(client: Client, token: str) -> None:
    telemetry.set_up("supportbot")
    telemetry.shut_down()
    everything()
    assert scrape(client, token) == ""


def test_a_second_set_up_changes_nothing(client: Client, token: str, recording: None) -> None:
    everything()
    telemetry.set_up("supportbot")
    assert 'supportbot_thumbs_total{supportbot_rating="up"} 1.0' in scrape(client, token)


# docs/operations.md ------------------------------------------------------------------------------


def section(heading: str) -> str:
    """What stands below a heading, up to the next."""
    return OPERATIONS.partition(f"{heading}\n")[2].partition("\n##")[0]


def codes(error: type[ProviderError]) -> set[str]:
    return {error.code}.union(*map(codes, error.__subclasses__()))


def test_every_code_of_a_provider_stands_in_the_table() -> None:
    table = section("### Codes in `error.type`")
    told = {line.split("`")[1] for line in table.splitlines() if line.startswith("| `")}
    assert codes(ProviderError) - told == set()


def test_every_metric_stands_in_the_table_with_its_unit_labels_and_meaning() -> None:
    expected = [
        f"| `{m.name}` | {m.kind} | {m.unit.strip('{}')} | "
        f"{', '.join(f'`{label}`' for label in m.labels)} | {m.meaning} |"
        for m in metrics.METRICS
    ]
    table = section("## Metrics")
    assert [line for line in table.splitlines() if line.startswith("| `")] == expected


def test_every_span_stands_in_the_table() -> None:
    expected = [f"| `{name}` | {meaning} |" for name, meaning in SPANS.items()]
    table = section("## Traces")
    assert [line for line in table.splitlines() if line.startswith("| `")] == expected


def test_every_series_that_an_alert_asks_for_is_there(
    client: Client, token: str, recording: None
) -> None:
    everything()
    text = scrape(client, token)
    rules = "".join(re.findall(r"```promql\n(.*?)```", OPERATIONS, re.S))
    asked = set(SERIES.findall(rules))
    assert len(asked) > 10
    assert sorted(name for name in asked if not re.search(rf"\b{name}\b", text)) == []
