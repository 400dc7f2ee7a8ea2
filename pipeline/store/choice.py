"""Rows chosen by a list of values."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Column, ColumnElement


def is_one_of(column: Any, values: Sequence[Any]) -> "ColumnElement[bool]":
    """The column has one of these values, which are few: the database may weigh how many rows have each."""
    found: ColumnElement[bool] = column == values[0] if len(values) == 1 else column.in_(values)
    return found


def is_one_of_many(column: "Column[Any]", values: Sequence[Any]) -> "ColumnElement[bool]":
    """The column has one of these values, which may be hundreds: PostgreSQL is told them as one parameter, since to
    write and to read a statement with hundreds takes longer than to answer it."""
    if column.table.metadata.info.get("dialect") != "postgresql":
        return column.in_(values)
    from sqlalchemy import ARRAY, any_, literal

    return column == any_(literal(list(values), ARRAY(column.type)))
