"""The documents say what the code does."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, SecretStr

from chat import protocol
from chat.llm.base import Request, UserMessage
from chat.llm.offline import Call, next_step
from supportbot.env import Environment
from tools.knowledge.importing import ArticleRow
from tools.orders.importing import OrderRow
from tools.orders.models import OrderStatus

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def default(value: Any) -> str:
    """A default as the table of docs/configuration.md writes it."""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, list):
        value = ",".join(value)
    if isinstance(value, bool):
        value = str(value).lower()
    return f"`{value}`" if value not in ("", None) else ""


def test_every_variable_stands_in_the_table_with_its_default_and_meaning() -> None:
    expected = [
        f"| `{name.upper()}` | {default(field.default)} | {field.description} |"
        for name, field in Environment.model_fields.items()
    ]
    text = (DOCS / "configuration.md").read_text("utf-8")
    found = [line for line in text.splitlines() if line.startswith("| `")]
    assert found == expected


@pytest.mark.parametrize("union", [protocol.ClientFrame, protocol.ServerFrame])
def test_every_frame_is_explained(union: Any) -> None:
    text = (DOCS / "protocol.md").read_text("utf-8")
    frames = get_args(get_args(union)[0]) if hasattr(union, "__metadata__") else get_args(union)
    for frame in frames:
        name = frame.model_fields["type"].default
        assert f"### `{name}`" in text, f"docs/protocol.md does not explain {name}"


def test_every_error_code_is_explained() -> None:
    text = (DOCS / "protocol.md").read_text("utf-8")
    for code in protocol.ErrorCode:
        assert f"| `{code}` |" in text, f"docs/protocol.md does not explain {code}"


@pytest.mark.parametrize("document", [ROOT / "README.md", *sorted(DOCS.glob("*.md"))], ids=str)
def test_every_link_to_a_file_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", document.read_text("utf-8")):
        assert (document.parent / target).exists(), target


def test_the_readmes_tool_is_a_tool_that_works_without_a_model() -> None:
    code = re.search(
        r"```python\n(# shop/stock\.py\n.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S
    )
    assert code
    module: dict[str, Any] = {}
    exec(code[1], module)  # noqa: S102  # our own README
    spec = module["check_stock"].spec
    step = next_step(Request("", (UserMessage(spec.examples[0]),), tools=(spec,)))
    assert isinstance(step, Call)
    assert step.arguments == {"product": spec.examples[0]}


@pytest.mark.parametrize("schema", [ArticleRow, OrderRow])
def test_every_key_of_an_import_is_told(schema: type[BaseModel]) -> None:
    told = (DOCS / "imports.md").read_text("utf-8")
    assert [name for name in schema.model_fields if f"`{name}`" not in told] == []
    assert [status for status in OrderStatus.values if f"`{status}`" not in told] == []
