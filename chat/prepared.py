"""ORM statements whose SQL is made once.

Making SQL out of a query takes Django three to five times as long as sending it and reading the
answer. What every turn does is therefore written as usual, with a `Param` where a value will stand, and
compiled when it runs for the first time:

    WAITING = Select(
        lambda: Turn.objects.filter(conversation=Param("conversation", UUIDField())).values_list("pk")
    )
    WAITING.rows(conversation=conversation.pk)

A value is prepared by the field of its Param, as in any query. Rows come as tuples, their values
converted as usual.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import connection
from django.db.models import Expression, Field, Model, QuerySet
from django.db.models.sql import DeleteQuery, InsertQuery, UpdateQuery
from django.db.models.sql.compiler import SQLCompiler

Row = tuple[Any, ...]


class Param(Expression):
    """Stands for the value `name` that is given when the statement runs. `field` says how it is
    stored."""

    def __init__(self, name: str, field: "Field[Any, Any]") -> None:
        super().__init__(output_field=field)
        self.name = name

    @classmethod
    def of(cls, model: type[Model], *names: str) -> dict[str, "Param"]:
        """A Param for each of these fields of a model, by its name."""
        fields = {field.name: field for field in model._meta.concrete_fields}
        return {name: cls(name, fields[name]) for name in names}

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, Any]:
        return "%s", (self,)

    def prepared(self, value: Any) -> Any:
        """The value as the database takes it. None is NULL, in a JSON field too."""
        if value is None:
            return None
        return self.output_field.get_db_prep_value(value, connection, prepared=False)


class _Statement:
    """SQL with its parameters, some of them still to be given."""

    def __init__(self) -> None:
        self._vendor = ""
        self._sql = ""
        self._params: Sequence[Any] = ()

    def _compiled(self) -> bool:
        """Whether it was made for the kind of database that is asked: a search that is tried out in
        SQLite must not leave SQLite's statements to a process on PostgreSQL."""
        return self._vendor == connection.vendor

    def _keep(self, sql: str, params: Sequence[Any]) -> None:
        self._params, self._sql, self._vendor = tuple(params), sql, connection.vendor

    def _bound(self, values: Mapping[str, Any]) -> list[Any]:
        return [p.prepared(values[p.name]) if isinstance(p, Param) else p for p in self._params]


class Select(_Statement):
    """A query that ends in `values_list`."""

    def __init__(self, build: Callable[[], "QuerySet[Any, Any]"]) -> None:
        super().__init__()
        self._build = build
        self._convert: Callable[[list[Row]], list[Row]] = list

    def rows(self, **values: Any) -> list[Row]:
        """All rows. Raises KeyError for a Param without a value, as the other statements do."""
        if not self._compiled():
            self._compile()
        with connection.cursor() as cursor:
            cursor.execute(self._sql, self._bound(values))
            return self._convert(cursor.fetchall())

    def first(self, **values: Any) -> Row | None:
        """The first row, None where there is none."""
        return next(iter(self.rows(**values)), None)

    def _compile(self) -> None:
        compiler = self._build().query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        converters = compiler.get_converters(column for column, _, _ in compiler.select)
        self._convert = list
        if converters:
            self._convert = lambda rows: [
                tuple(row) for row in compiler.apply_converters(rows, converters)
            ]
        self._keep(sql, params)


class Update(_Statement):
    """An update of the rows that `build` finds, by the values of `changes`."""

    def __init__(
        self, build: Callable[[], "QuerySet[Any, Any]"], changes: Callable[[], dict[str, Any]]
    ) -> None:
        super().__init__()
        self._build = build
        self._changes = changes

    def run(self, **values: Any) -> int:
        """Returns how many rows were changed."""
        if not self._compiled():
            query: Any = self._build().query.chain(UpdateQuery)
            query.add_update_values(self._changes())
            self._keep(*query.get_compiler(connection=connection).as_sql())
        with connection.cursor() as cursor:
            cursor.execute(self._sql, self._bound(values))
            return int(cursor.rowcount)


class Delete(_Statement):
    """A deletion of the rows that `build` finds, without what would cascade from them."""

    def __init__(self, build: Callable[[], "QuerySet[Any, Any]"]) -> None:
        super().__init__()
        self._build = build

    def run(self, **values: Any) -> int:
        """Returns how many rows were deleted."""
        if not self._compiled():
            query: Any = self._build().query.chain(DeleteQuery)
            self._keep(*query.get_compiler(connection=connection).as_sql())
        with connection.cursor() as cursor:
            cursor.execute(self._sql, self._bound(values))
            return int(cursor.rowcount)


class Insert(_Statement):
    """A new row of a model, of whose fields all but an automatic key are written."""

    def __init__(self, model: type[Model]) -> None:
        super().__init__()
        self._model = model
        self._fields = [f for f in model._meta.concrete_fields if f is not model._meta.auto_field]

    def run(self, row: Model) -> None:
        """Stores an instance as it is: nothing is filled in but its key, no signal is sent."""
        if not self._compiled():
            self._compile()
        values = {field.attname: getattr(row, field.attname) for field in self._fields}
        with connection.cursor() as cursor:
            cursor.execute(self._sql, self._bound(values))
            if self._model._meta.auto_field:
                row.pk = cursor.fetchone()[0]
        row._state.adding = False
        row._state.db = connection.alias

    def _compile(self) -> None:
        query = InsertQuery(self._model)
        blank = self._model(**{f.attname: Param(f.attname, f) for f in self._fields})
        query.insert_values(self._fields, [blank], raw=True)
        compiler = query.get_compiler(connection=connection)
        if self._model._meta.auto_field:
            compiler.returning_fields = [self._model._meta.pk]
        ((sql, params),) = compiler.as_sql()
        self._keep(sql, params)
