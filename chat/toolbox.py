"""Tools: what the agent can do, written as typed async functions.

    @tool(label="Checking the stock…", examples=["do you have the blue lamp?"])
    async def check_stock(context: ToolContext, product: str) -> str:
        \"\"\"Tell whether a product is in stock.

        Args:
            product: The product's name, as the customer wrote it.
        \"\"\"
        return await stock.describe(product)

`@tool` reads the schema from the hints and the docstring, validates what a model sends, runs the
function within a time limit and turns whatever happens into a `ToolOutcome`: a tool can fail, but
it cannot break a turn. `settings.AGENT_TOOLS` names the tools of a deployment.
"""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints
from uuid import UUID

import docstring_parser
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils.module_loading import import_string
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from chat.identity import VerifiedCustomer
from chat.llm.base import Citation, Slot, ToolResult, ToolSpec
from chat.protocol import Receipt

logger = logging.getLogger(__name__)

DEFAULT_TIMEOUT = 15.0
"""Seconds. A customer waits; a back office that needs longer should answer by a ticket."""

AGAIN = 1.0
"""Seconds until a call that lost its database is made again: a restart of it takes about as long."""

FAILED = "Sorry, that did not work just now."


@dataclass(frozen=True, slots=True)
class ToolContext:
    """Where a call comes from. `customer` is None for a guest, `locale` the language that the
    customer's browser asks for; nothing here is chosen by a model."""

    conversation: UUID
    turn: UUID
    ordinal: int
    customer: VerifiedCustomer | None
    locale: str = ""


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """What a tool returns: `content` for the model, `text` fit for the customer.

    `found` is False when there is nothing that answers; `receipt` is shown to the customer as a
    card. A tool whose two texts are the same may return a plain string instead.
    """

    content: str
    text: str
    citations: tuple[Citation, ...] = ()
    receipt: Receipt | None = None
    found: bool = True


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """How a call ended, for the tool call's row: the output, and the error nobody outside may see.
    `uncertain` is a failure after which nobody knows whether the tool did its work."""

    output: ToolOutput
    missing: tuple[str, ...] = ()
    error: str = ""
    uncertain: bool = False

    def result(self, call_id: str) -> ToolResult:
        """The outcome as a provider gets it."""
        return ToolResult(
            call_id=call_id,
            content=self.output.content,
            text=self.output.text,
            citations=self.output.citations,
            missing=self.missing,
            found=self.output.found,
            is_error=bool(self.error),
        )


class ToolError(Exception):
    """Raised by a tool that cannot do its work. The message reaches the model and the customer."""


class MissingArgument(Exception):
    """Raised by a tool that needs an optional argument after all, such as a guest's e-mail."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True, slots=True)
class FromCustomer:
    """Annotates an argument: how to get it from a customer where no model reads the conversation.

    See `chat.llm.base.Slot` for the meaning of the fields.
    """

    ask: str
    pattern: str = ""
    free_text: bool = False


Function = Callable[..., Awaitable[ToolOutput | str]]

Version = Callable[[VerifiedCustomer | None], str]
"""The version of what a tool reads for a customer, or for a guest."""


@dataclass(frozen=True)
class Tool:
    """A tool ready to be called: its spec for providers and its function behind validation.

    `version`, `performs` and `once` are explained in `tool`.
    """

    spec: ToolSpec
    label: str
    timeout: float
    function: Function
    arguments: type[BaseModel] = field(repr=False)
    version: Version | None = None
    performs: frozenset[str] = frozenset()
    once: bool = False

    @property
    def shareable(self) -> bool:
        """Whether what it returns depends on nothing but what `version` tells."""
        return self.version is not None

    async def run(self, context: ToolContext, arguments: dict[str, Any] | None) -> ToolOutcome:
        """Validates and calls. Never raises but for cancellation."""
        if arguments is None:
            return _refused("The arguments were not readable JSON. Send the call again, complete.")
        try:
            values = self.arguments.model_validate(arguments)
        except ValidationError as error:
            return _refused(_explain(error))
        try:
            async with asyncio.timeout(self.timeout):
                output = await self._called(context, dict(values))
        except MissingArgument as missing:
            return self._missing(missing.name)
        except ToolError as error:
            return ToolOutcome(ToolOutput(str(error), str(error), found=False), error=str(error))
        except TimeoutError:
            logger.warning("tool %s timed out after %s s", self.spec.name, self.timeout)
            return _failed("The tool did not answer in time.", "TimeoutError")
        except Exception as error:  # the tool call's edge: a tool's bug must not end the turn
            logger.exception("tool %s failed", self.spec.name)
            return _failed("The tool failed. The error is in the log.", type(error).__name__)
        if isinstance(output, str):
            output = ToolOutput(content=output, text=output)
        return ToolOutcome(output)

    async def _called(self, context: ToolContext, values: dict[str, Any]) -> ToolOutput | str:
        """Calls it, and once more where it lost its database: a restart is over in seconds, and an effect
        is one however often its turn and ordinal ask for it."""
        try:
            return await self.function(context, **values)
        except (OperationalError, InterfaceError) as error:
            logger.warning(
                "tool %s lost its database, and is called again: %s", self.spec.name, error
            )
            await asyncio.sleep(AGAIN)
            return await self.function(context, **values)

    def _missing(self, name: str) -> ToolOutcome:
        ask = next((slot.ask for slot in self.spec.slots if slot.name == name), "")
        content = f"Cannot go on without `{name}`. Ask the customer for it: {ask}"
        return ToolOutcome(ToolOutput(content, ask, found=False), missing=(name,))


def _refused(content: str) -> ToolOutcome:
    return ToolOutcome(ToolOutput(content, FAILED, found=False), error=content)


def _failed(content: str, error: str) -> ToolOutcome:
    return ToolOutcome(ToolOutput(content, FAILED, found=False), error=error, uncertain=True)


def _explain(error: ValidationError) -> str:
    problems = "; ".join(
        f"{'.'.join(str(part) for part in problem['loc']) or 'arguments'}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)
    )
    return f"The arguments are not valid: {problems}. Correct them and call again."


def tool(
    *,
    label: str,
    examples: Sequence[str] = (),
    timeout: float = DEFAULT_TIMEOUT,
    open_ended: bool = False,
    offer: str = "",
    offers: Mapping[str, str] | None = None,
    version: Version | None = None,
    performs: Sequence[str] = (),
    once: bool = False,
) -> Callable[[Function], Tool]:
    """Makes a tool of an async function whose first parameter is a ToolContext.

    `label` is shown to the customer while it runs; `examples` are what customers say when they
    need it; `timeout` is in seconds; `open_ended`, `offer` and `offers` are explained in `ToolSpec`.
    `version` marks a tool whose results are nobody's own, so that answers made of them may be
    shared (see `chat.answer_cache`): it gives the version of what the tool reads for a customer or
    a guest, may query the database, and differs whenever a result might: after a change, or for
    readers who may see more than others. `performs` names the actions that a call
    which succeeded has done (see `chat.claims.ACTIONS`): only these may an answer claim.
    `once` lets a turn do it one time: a model may be talked into doing it over and over. A call after
    one that timed out or broke comes with that one's `ToolContext.ordinal`: it may have had its effect.
    Raises TypeError, at import, for a function without a docstring or with an unannotated parameter.
    """

    def decorate(function: Function) -> Tool:
        name = function.__name__
        doc = docstring_parser.parse(inspect.getdoc(function) or "")
        description = (doc.description or "").strip()
        if not description:
            raise TypeError(f"The tool {name} needs a docstring: the model reads it.")
        arguments, slots = _arguments(function, {p.arg_name: p.description for p in doc.params})
        schema = arguments.model_json_schema()
        schema.pop("title", None)
        spec = ToolSpec(
            name=name,
            description=description,
            schema=schema,
            examples=tuple(examples),
            slots=slots,
            open_ended=open_ended,
            offer=offer,
            offers=offers or {},
        )
        return Tool(spec, label, timeout, function, arguments, version, frozenset(performs), once)

    return decorate


def _arguments(
    function: Function, descriptions: dict[str, str | None]
) -> tuple[type[BaseModel], tuple[Slot, ...]]:
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    slots = []
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.name not in hints:
            raise TypeError(f"{function.__name__}: the parameter {parameter.name} needs a type.")
        required = parameter.default is inspect.Parameter.empty
        hint = hints[parameter.name]
        description = Field(description=descriptions.get(parameter.name))
        fields[parameter.name] = (
            Annotated[hint, description],
            ... if required else parameter.default,
        )
        slots.append(_slot(parameter.name, hint, required))
    model = create_model(function.__name__, __config__=ConfigDict(extra="forbid"), **fields)
    return model, tuple(slots)


def _slot(name: str, hint: Any, required: bool) -> Slot:
    extras = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    hinted = next((extra for extra in extras if isinstance(extra, FromCustomer)), None)
    limits = (m for extra in extras for m in getattr(extra, "metadata", ()))
    max_length = next((m.max_length for m in limits if hasattr(m, "max_length")), None)
    if hinted is None:
        # Words are what a customer has anyway; a number or a choice is nothing to guess at.
        words = required and (hint is str or get_args(hint)[:1] == (str,))
        ask = f"Which {name.replace('_', ' ')} do you mean?" if words else ""
        return Slot(name, required, ask, free_text=words, max_length=max_length)
    return Slot(name, required, hinted.ask, hinted.pattern, hinted.free_text, max_length)


def load_tools() -> dict[str, Tool]:
    """The tools that `settings.AGENT_TOOLS` names. Raises ImportError or TypeError for a bad one."""
    return _load(tuple(settings.AGENT_TOOLS))


@cache
def _load(paths: tuple[str, ...]) -> dict[str, Tool]:
    tools = {}
    for path in paths:
        loaded = import_string(path)
        if not isinstance(loaded, Tool):
            raise TypeError(f"{path} is not a tool: decorate the function with @tool(...).")
        tools[loaded.spec.name] = loaded
    return tools
