"""Importing orders: idempotent, in batches, and no bad row stops the rest."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, TextIO

from django.db import transaction
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from tools.jsonl import BadRow, Report, count_lines, read, with_progress
from tools.orders.identifiers import (
    MAX_EMAIL_LENGTH,
    MAX_NUMBER_LENGTH,
    normalise_email,
    normalise_number,
)
from tools.orders.models import Order, OrderStatus

BATCH_SIZE = 500
"""Rows in a transaction: few enough that SQLite's other writers do not wait long."""

MAX_TOTAL = 10**10 - 1
"""What fits the column also after rounding."""


def _number(value: str) -> str:
    number = normalise_number(value)
    if not 0 < len(number) <= MAX_NUMBER_LENGTH:
        raise ValueError(f"needs 1 to {MAX_NUMBER_LENGTH} letters and digits")
    return number


def _without_controls(value: str) -> str:
    if any(character < " " and character not in "\t\n\r" for character in value):
        raise ValueError("has control characters, which cannot be stored")
    return value


def _as_status(value: Any) -> Any:
    return value.strip().lower().replace(" ", "_") if isinstance(value, str) else value


def _as_email(value: Any) -> Any:
    return normalise_email(value) if isinstance(value, str) else value


def _cents(value: Decimal) -> Decimal:
    # JSON has floats: 1380.79 may come as 1380.7900000000002.
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


def _none_as_empty(value: Any) -> Any:
    return "" if value is None else value


Printable = AfterValidator(_without_controls)
Text = Annotated[str, Field(max_length=200), Printable, BeforeValidator(_none_as_empty)]
Names = Annotated[
    list[
        Annotated[
            str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), Printable
        ]
    ],
    Field(max_length=1000),
    BeforeValidator(lambda value: [] if value is None else value),
]


class OrderRow(BaseModel):
    """One line of an import. What a row leaves out keeps its value in an order that is there."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    order_id: Annotated[str, AfterValidator(_number)]
    status: Annotated[OrderStatus, BeforeValidator(_as_status)]
    email: Annotated[
        str,
        Field(max_length=MAX_EMAIL_LENGTH, pattern=r"^[^@\s]+@[^@\s]+$"),
        BeforeValidator(_as_email),
    ]
    first_name: Text = ""
    last_name: Text = ""
    zip: Annotated[str, Field(max_length=20), Printable, BeforeValidator(_none_as_empty)] = ""
    items: Names = []
    tracking: Names = []
    total_paid: Annotated[Decimal, Field(ge=0, lt=MAX_TOTAL), AfterValidator(_cents)] | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"
    placed_on: date | None = None
    shipped_on: date | None = None
    expected_on: date | None = None
    delivered_on: date | None = None
    cancelled_on: date | None = None
    note: Annotated[str, Field(max_length=2000), Printable, BeforeValidator(_none_as_empty)] = ""

    def columns(self) -> dict[str, Any]:
        """The values by the order's column, of what the row has."""
        values = self.model_dump(exclude_unset=True, exclude={"first_name", "last_name"})
        names = {"order_id": "number", "zip": "zip_code", "total_paid": "total"}
        columns = {names.get(name, name): value for name, value in values.items()}
        if {"first_name", "last_name"} & self.model_fields_set:
            columns["customer_name"] = f"{self.first_name} {self.last_name}".strip()[:200]
        return columns


Place = str
Read = tuple[Place, OrderRow | BadRow]


def import_orders(
    source: Path | Iterable[Mapping[str, Any]], *, progress: TextIO | None = None
) -> Report:
    """Adds the orders of a JSONL file, or of rows of the same shape, and changes those that differ.

    An order is known by its number; one that comes twice in a source is refused the second time.
    `progress` is where a progress bar is drawn. Raises OSError for a file that cannot be read.
    """
    if isinstance(source, Path):
        total, rows = count_lines(source), read(source, OrderRow)
    else:
        listed = list(source)
        total, rows = len(listed), _validated(listed)
    if progress is not None:
        rows = with_progress(rows, total=total, name="orders", to=progress)
    report = Report()
    good = _without_repeats(rows, report)
    while batch := list(islice(good, BATCH_SIZE)):
        _store(batch, report)
    return report


def _validated(rows: Iterable[Mapping[str, Any]]) -> Iterator[Read]:
    for number, row in enumerate(rows, start=1):
        place = f"row {number}"
        try:
            yield place, OrderRow.model_validate(row)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "row"
            yield place, BadRow(place, f"{where}: {first['msg']}")


def _without_repeats(rows: Iterable[Read], report: Report) -> Iterator[OrderRow]:
    seen: dict[str, Place] = {}
    for place, row in rows:
        if isinstance(row, BadRow):
            report.failed.append(row)
        elif row.order_id in seen:
            reason = f"order_id: {row.order_id} was there before, on {seen[row.order_id]}"
            report.failed.append(BadRow(place, reason))
        else:
            seen[row.order_id] = place
            yield row


@transaction.atomic
def _store(rows: list[OrderRow], report: Report) -> None:
    there = Order.objects.in_bulk([row.order_id for row in rows], field_name="number")
    added, changed = [], []
    for row in rows:
        columns = row.columns()
        order = there.get(row.order_id)
        if order is None:
            added.append(Order(**columns))
        elif any(getattr(order, name) != value for name, value in columns.items()):
            for name, value in columns.items():
                setattr(order, name, value)
            changed.append(order)
    _write(added + changed)
    report.added += len(added)
    report.changed += len(changed)
    report.unchanged += len(rows) - len(added) - len(changed)


def _write(orders: list[Order]) -> None:
    # One statement for new and changed rows, in which an import that runs beside this one can
    # only have the last word, not an IntegrityError.
    columns = [f.name for f in Order._meta.concrete_fields if f.name not in ("id", "number")]
    Order.objects.bulk_create(
        orders, update_conflicts=True, unique_fields=["number"], update_fields=columns
    )
