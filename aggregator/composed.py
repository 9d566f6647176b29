"""Queries whose SQL is composed once, planned once, and run many times.

Django composes the SQL of a query each time that it is run, and PostgreSQL parses and plans it. For those that every
decision and every showing of a record asks, that takes longer than everything else that is done with them. Here it is
composed at the first call, with marks where values go, and prepared once in each connection (PREPARE); later calls name
it and give the values. Reading rows stays Django's.
"""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Generic, ParamSpec, Self, TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.models import Expression, Model, QuerySet
from django.db.models.sql.compiler import SQLCompiler
from psycopg2.extensions import AsIs

P = ParamSpec("P")
M = TypeVar("M", bound=Model)
R = TypeVar("R")


class Slot(Expression):
    """The place of a value that is not known yet."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def as_sql(self, *_: Any, **__: Any) -> tuple[str, list[Slot]]:  # type: ignore[override]  # the value comes later
        """Return the SQL of a parameter, which is the slot itself."""
        return "%s", [self]


def composed_once(build: Callable[P, QuerySet[M, R]], /) -> Callable[P, list[R]]:
    """Make of a function that builds a query one that returns its rows; the SQL is composed at the first call.

    All arguments are keywords and go into the query as they are: the function runs once, and sees slots in their place.
    So it may neither look at one nor choose by it. A value is never None, which SQL compares in its own way, and no
    collection.
    """
    names = tuple(inspect.signature(build).parameters)

    @functools.cache
    def query() -> _Composed[M, R]:
        slots: Any = {name: Slot(name) for name in names}
        return _Composed(build(**slots), name=build.__name__)  # type: ignore[call-arg]  # all of its names

    @functools.wraps(build)
    def rows(*args: P.args, **values: P.kwargs) -> list[R]:
        if args or any(value is None for value in values.values()):
            raise TypeError(f"{build.__name__} takes keyword arguments that have a value")
        return query().rows({name: values[name] for name in names})

    return rows


class Statement:
    """A statement that is prepared once in each connection, and then executed by its name.

    `sql` has marks `%(name)s` for the values that `types` names, in the order in which they are given; `types` are
    PostgreSQL's.
    """

    def __init__(self, *, name: str, sql: str, types: Mapping[str, str]) -> None:
        self._name = f"{name}_{next(_numbers)}"
        self._head = f"PREPARE {self._name}" + (f" ({', '.join(types.values())})" if types else "")
        self._sql = sql
        self._parameters: Any = {each: AsIs(f"${number}") for number, each in enumerate(types, start=1)}
        self._names = tuple(types)
        self.call = f"EXECUTE {self._name}" + (f" ({', '.join(['%s'] * len(types))})" if types else "")

    @classmethod
    def of_django(cls, *, name: str, sql: str, parameters: Sequence[Any], types: Mapping[str, str]) -> Statement:
        """Return a statement as Django composes it: among its parameters are values, which stay, and slots."""
        statement = cls(name=name, sql=sql, types=types)
        places = statement._parameters
        statement._parameters = tuple(places[each.name] if isinstance(each, Slot) else each for each in parameters)
        return statement

    def execute(self, cursor: CursorWrapper, values: Mapping[str, Any], /) -> None:
        """Execute it with the value of each mark."""
        self.prepare(cursor.db)
        cursor.execute(self.call, [values[name] for name in self._names])

    def prepare(self, connection: BaseDatabaseWrapper, /) -> None:
        """Have it prepared in a connection, which must be open, if it is not."""
        known = _prepared.setdefault(connection.connection, set())
        if self._name not in known:
            with connection.cursor() as cursor:
                cursor.execute(f"{self._head} AS {self._sql}", self._parameters)
            known.add(self._name)


class _Composed(Generic[M, R]):
    """A query and its SQL."""

    def __init__(self, queryset: QuerySet[M, R], /, *, name: str) -> None:
        self._queryset = queryset
        self._name = name
        self._compiler: SQLCompiler = queryset.query.get_compiler(using=queryset.db)
        self._sql, self._parameters = self._compiler.as_sql()
        if self._compiler.has_extra_select:
            raise TypeError(f"{name} orders distinct rows by what it does not select, which is not read here")
        columns = [column for column, *_ in self._compiler.select[: self._compiler.col_count]]
        self._converters = [
            (place, convert, column)
            for place, (converters, column) in self._compiler.get_converters(columns).items()
            for convert in converters
        ]
        self._statement: Statement | None = None

    def rows(self, values: Mapping[str, Any], /) -> list[R]:
        """Run the query with the value of each slot."""
        statement = self._statement
        if statement is None:
            types = {name: _type_of(value) for name, value in values.items()}
            statement = self._statement = Statement.of_django(
                name=self._name, sql=self._sql, parameters=self._parameters, types=types
            )
        connection = connections[self._queryset.db]  # this thread's
        with connection.cursor() as cursor:
            statement.execute(cursor, values)
            rows: list[Any] = cursor.fetchall()
        if not rows:
            return []
        if self._converters:
            rows = list(map(list, rows))
            for row in rows:
                for place, convert, column in self._converters:
                    row[place] = convert(row[place], column, connection)
        read: Any = self._queryset._iterable_class
        return list(read(_Found(rows, queryset=self._queryset, compiler=self._compiler)))


class _Found:
    """Rows that were found, for Django to read as it reads those of a QuerySet, whose query and compiler it asks."""

    def __init__(self, rows: Sequence[Sequence[Any]], *, queryset: Any, compiler: SQLCompiler) -> None:
        self._rows = rows
        self._known_related_objects = queryset._known_related_objects
        self._fields = queryset._fields
        self.db = queryset.db
        self.query = self
        self.selected = queryset.query.selected
        self.select = compiler.select
        self.klass_info = compiler.klass_info
        self.annotation_col_map = compiler.annotation_col_map

    def get_compiler(self, _: object = None, *, using: object = None) -> Self:
        return self

    def execute_sql(self, **_: object) -> Sequence[Sequence[Any]]:
        return self._rows

    def results_iter(self, _: object = None, *, tuple_expected: bool = False, **__: object) -> Iterable[Sequence[Any]]:
        return map(tuple, self._rows) if tuple_expected else self._rows


# The types that PostgreSQL is told of values: the first that fits. What a text is follows from where it stands, as it
# does in a statement by itself.
_TYPES = (
    (UUID, "uuid"),
    (datetime, "timestamptz"),
    (date, "date"),
    (bool, "boolean"),
    (int, "bigint"),
    (str, "unknown"),
)


def _type_of(value: object, /) -> str:
    return next(name for kind, name in _TYPES if isinstance(value, kind))


# Which statements each connection of psycopg2 has prepared. It forgets them when it is closed.
_prepared: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()
_numbers = itertools.count(1)
