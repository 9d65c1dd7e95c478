"""Which schemas a model is held to, and what is said of an answer that does not fit."""

from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator

from chat.llm.base import Malformed, Unsupported
from chat.llm.schemas import fitted, require_closed
from chat.llm.tally import Tally
from tests.chat.llm.support import QUESTION, Build, Verdict, answers


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Open(BaseModel):
    topic: str


class Detail(Closed):
    order: str = Field(pattern=r"^\d+$")


class Report(Closed):
    """One field of each kind that the app asks for."""

    kind: Literal["bug", "wish"]
    details: list[Detail] = Field(max_length=2)

    @field_validator("kind")
    @classmethod
    def _never_a_wish(cls, kind: str) -> str:
        if kind == "wish":
            raise ValueError(f"{kind} is refused")
        return kind


class OpenInside(Closed):
    inner: Open


class AnyKeys(Closed):
    values: dict[str, str]


@pytest.mark.parametrize("schema", [Verdict, Report])
def test_closed_models_pass(schema: type[BaseModel]) -> None:
    require_closed("openai", schema)


@pytest.mark.parametrize("schema", [Open, OpenInside, AnyKeys])
def test_a_schema_that_is_open_anywhere_is_refused(schema: type[BaseModel]) -> None:
    with pytest.raises(Unsupported):
        require_closed("openai", schema)


@pytest.mark.parametrize("schema", [Open, OpenInside])
async def test_no_adapter_sends_an_open_schema(build: Build, schema: type[BaseModel]) -> None:
    script = answers({})

    with pytest.raises(Unsupported):
        await build(http_client=script.client()).complete_structured(QUESTION, schema)

    assert script.requests == []


SECRET = "4111111111111111"


@pytest.mark.parametrize(
    ("answer", "problems"),
    [
        (f"It is {SECRET}", "answer: json_invalid"),
        ("", "answer: json_invalid"),
        (f'"{SECRET}"', "answer: model_type"),
        (
            f'{{"kind": "{SECRET}", "details": []}}',
            "kind: literal_error expected 'bug' or 'wish'",
        ),
        ('{"kind": "wish", "details": []}', "kind: value_error"),
        (f'{{"kind": "bug", "details": [], "{SECRET}": 1}}', "?: extra_forbidden"),
        ('{"details": []}', "kind: missing"),
        (
            f'{{"kind": "bug", "details": [{{"order": "1"}}, {{"order": "x{SECRET}"}}]}}',
            r"details.1.order: string_pattern_mismatch pattern ^\d+$",
        ),
    ],
)
def test_a_problem_names_the_field_and_the_rule_but_never_the_value(
    answer: str, problems: str
) -> None:
    with pytest.raises(Malformed) as failed:
        fitted("openai", Report, answer, Tally(sent=80, received=40, begun=True))

    assert failed.value.problems == problems
    assert failed.value.text == answer
    assert SECRET not in f"{failed.value} {failed.value!r}"
    assert failed.value.usage is not None
    assert failed.value.usage.input_tokens == 20


def test_a_text_that_no_database_stores_does_not_fit() -> None:
    with pytest.raises(Malformed):
        fitted("openai", Verdict, '{"topic": "a\\u0000b", "urgency": 1}', Tally())


def test_many_problems_are_told_in_part() -> None:
    many: Any = ", ".join('{"order": "x"}' for _ in range(2))
    fields = ", ".join(f'"f{n}": 1' for n in range(50))

    with pytest.raises(Malformed) as failed:
        fitted("openai", Report, f'{{"details": [{many}], {fields}}}', Tally())

    assert failed.value.problems.count(";") == 9
