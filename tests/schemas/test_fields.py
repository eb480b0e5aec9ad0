"""Declared columns, and the Arrow and Spark schemas derived from them."""

from __future__ import annotations

import pyarrow as pa
import pytest
from pyspark.sql.pandas.types import from_arrow_schema

from schemas.fields import Dataset, Field
from schemas.parallel import PARALLEL, REJECTED, SCORED
from schemas.reasons import REASONS

DATASETS = [PARALLEL, REJECTED, SCORED]
every_dataset = pytest.mark.parametrize("dataset", DATASETS, ids=lambda dataset: dataset.name)


@every_dataset
def test_arrow_and_ddl_have_the_same_columns_in_the_same_order(dataset: Dataset) -> None:
    columns = dataset.ddl().split(", ")
    assert [column.split("` ")[0].removeprefix("`") for column in columns] == dataset.arrow().names
    assert dataset.arrow().names == dataset.columns


@every_dataset
def test_arrow_and_ddl_have_the_same_types_as_spark_sees_them(dataset: Dataset) -> None:
    declared = [column.split("` ")[1] for column in dataset.ddl().split(", ")]
    assert [field.dataType.simpleString() for field in from_arrow_schema(dataset.arrow())] == declared


@every_dataset
def test_every_column_has_a_name_of_its_own_and_says_what_it_means(dataset: Dataset) -> None:
    assert len(set(dataset.columns)) == len(dataset.fields)
    schema = dataset.arrow()
    for field in dataset.fields:
        assert field.description
        assert schema.field(field.name).metadata == {b"description": field.description.encode()}
        assert schema.field(field.name).nullable == field.nullable


@pytest.mark.parametrize(
    ("kind", "arrow", "spark"),
    [
        ("string", pa.string(), "string"),
        ("int32", pa.int32(), "int"),
        ("int64", pa.int64(), "bigint"),
        ("float32", pa.float32(), "float"),
        ("float64", pa.float64(), "double"),
        ("list<string>", pa.list_(pa.string()), "array<string>"),
        ("list<int32>", pa.list_(pa.int32()), "array<int>"),
        (
            "messages",
            pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())])),
            "array<struct<role:string,content:string>>",
        ),
    ],
)
def test_each_type_has_its_arrow_and_its_spark_form(kind: str, arrow: pa.DataType, spark: str) -> None:
    dataset = Dataset("one", "of one column", (Field("a column", kind, "what it means", nullable=True),))
    assert dataset.arrow() == pa.schema([pa.field("a column", arrow)])
    assert dataset.ddl() == f"`a column` {spark}"


def test_an_unknown_type_is_an_error() -> None:
    dataset = Dataset("one", "of one column", (Field("a", "decimal", "what it means"),))
    with pytest.raises(KeyError):
        dataset.arrow()


def test_a_row_that_breaks_a_declared_null_is_refused_by_arrow() -> None:
    schema = Dataset("one", "of one column", (Field("a", "string", "never null"),)).arrow()
    table = pa.table({"a": pa.array([None], pa.string())})
    with pytest.raises(ValueError, match="non-nullable"):
        table.cast(schema)


PROMISED = """
    id content_id pair src_lang tgt_lang src_text tgt_text corpus file line doc license margin
    lid_src lid_src_prob lid_tgt lid_tgt_prob cluster_id
"""


def test_published_datasets_have_the_promised_columns() -> None:
    assert set(PROMISED.split()) <= set(PARALLEL.columns) & set(REJECTED.columns)


def test_kept_rows_have_a_split_and_rejected_ones_a_reason() -> None:
    assert "split" in PARALLEL.columns
    assert "reason" not in PARALLEL.columns
    assert "reason" in REJECTED.columns
    assert not REJECTED.arrow().field("reason").nullable


def test_reasons_are_stable_names_that_say_what_they_mean() -> None:
    assert list(REASONS)[:2] == ["malformed_line", "empty"]  # what is no pair of texts is not judged as one
    assert all(name.isidentifier() and name.islower() and meaning for name, meaning in REASONS.items())
