"""Tools of a made-up shop, for tests of what runs tools."""

import asyncio
from typing import Annotated

from pydantic import Field

from chat.llm.base import Citation
from chat.protocol import Receipt, ReceiptField
from chat.toolbox import (
    FromCustomer,
    MissingArgument,
    ToolContext,
    ToolError,
    ToolOutput,
    tool,
)

SECRET = "password=hunter2"

ORDER_ASK = "What is the parcel's number?"
EMAIL_ASK = "Which e-mail address did you use?"


@tool(
    label="Looking for your parcel…",
    examples=["where is my parcel?", "track my parcel", "when does my parcel arrive?"],
)
async def track_parcel(
    context: ToolContext,
    number: Annotated[str, Field(max_length=20), FromCustomer(ORDER_ASK, r"(?<!\S)\d{4,}(?!\S)")],
    email: Annotated[str | None, FromCustomer(EMAIL_ASK, r"\S+@\S+\w")] = None,
) -> ToolOutput:
    """Tells where a parcel is.

    Args:
        number: The parcel's number.
        email: The e-mail address of the order; not needed for verified customers.
    """
    if context.customer is None and email is None:
        raise MissingArgument("email")
    receipt = Receipt(title=f"Parcel {number}", fields=(ReceiptField(label="At", value="Bath"),))
    return ToolOutput(f"Parcel {number}: Bath", f"Parcel {number} is in Bath.", receipt=receipt)


@tool(label="Searching…", examples=["how do I clean the kettle?"], open_ended=True)
async def search(
    context: ToolContext, query: Annotated[str, FromCustomer("What about?", free_text=True)]
) -> ToolOutput:
    """Searches the manual."""
    if "kettle" not in query:
        return ToolOutput("Nothing found.", "", found=False)
    citation = Citation("a1-2", "Kettles", "Cleaning", "/help/kettles/#cleaning")
    text = "Boil it with vinegar [a1-2]."
    return ToolOutput(f"[a1-2] Kettles › Cleaning\n{text}", text, citations=(citation,))


@tool(
    label="Noting…",
    examples=["I want to complain", "let me talk to a human"],
    offer="Shall I note it down?",
)
async def note(
    context: ToolContext,
    title: Annotated[str, Field(max_length=30), FromCustomer("", free_text=True)],
    text: Annotated[str, FromCustomer("What happened?", free_text=True)],
) -> str:
    """Notes a complaint."""
    return f"Noted: {title} / {text}"


@tool(label="Exploding…")
async def explode(context: ToolContext) -> str:
    """Fails as a bug does."""
    raise RuntimeError(f"cannot connect: {SECRET}")


@tool(label="Refusing…")
async def refuse(context: ToolContext) -> str:
    """Fails as a back office does."""
    raise ToolError("The warehouse is closed on Sundays.")


@tool(label="Waiting…", timeout=0.05)
async def hang(context: ToolContext) -> str:
    """Never answers in time."""
    await asyncio.sleep(5)
    return "late"


running = 0
most_running = 0


@tool(label="Counting…")
async def count(context: ToolContext) -> str:
    """Counts how many of it run at once."""
    global running, most_running
    running += 1
    most_running = max(most_running, running)
    await asyncio.sleep(0.02)
    running -= 1
    return "counted"
