"""How a dataset is declared, and the Arrow and Spark schemas derived from a declaration."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

_ARROW: dict[str, pa.DataType] = {
    "string": pa.string(),
    "bool": pa.bool_(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "list<string>": pa.list_(pa.string()),
    "list<int32>": pa.list_(pa.int32()),
    "messages": pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())])),
}
_SPARK = {
    "string": "string",
    "bool": "boolean",
    "int32": "int",
    "int64": "bigint",
    "float32": "float",
    "float64": "double",
    "list<string>": "array<string>",
    "list<int32>": "array<int>",
    "messages": "array<struct<role:string,content:string>>",
}


@dataclass(frozen=True)
class Field:
    """One column: its type, meaning and constraints."""

    name: str
    type: str
    description: str
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] | None = None
    unique: bool = False


@dataclass(frozen=True)
class Dataset:
    """A dataset: its columns in order."""

    name: str
    description: str
    fields: tuple[Field, ...]

    @property
    def columns(self) -> list[str]:
        return [field.name for field in self.fields]

    def arrow(self) -> pa.Schema:
        """The Arrow schema, with each column's meaning in its field metadata."""
        return pa.schema(
            [
                pa.field(f.name, _ARROW[f.type], f.nullable, {"description": f.description})
                for f in self.fields
            ]
        )

    def ddl(self) -> str:
        """The Spark schema as DDL."""
        return ", ".join(f"`{f.name}` {_SPARK[f.type]}" for f in self.fields)
