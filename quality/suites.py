"""What an audit expects, as Great Expectations' own expectations.

Those on rows look at a few columns that say what is wrong with a row (`rows.py`); those on figures (`figures.py`) are
the rules that every dataset of ours keeps, and the bands of the configuration. Each says in `notes` what it means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import great_expectations.expectations as gxe
from great_expectations.expectations.expectation import Expectation
from pydantic import BaseModel

from schemas.config import Audit, Band

# what may be wrong with a row, by the column that says so
FAULTS: Mapping[str, str] = {
    "missing": "columns that may not be null, and are",
    "out_of_range": "columns whose value is outside of the declared range",
    "unknown_value": "columns whose value is not in the declared vocabulary",
    "altered": "contents that are not those of the row's texts",
    "decided_anew": "what the row's scores come to under the thresholds in force, where it was decided on otherwise",
}

# what may be wrong with a text of the sample that is looked at once more, by the column that says so
RECHECKED: Mapping[str, str] = {
    "other_language": "sides that are identified as another language",
    "found_in": "evaluation sets that the row overlaps with",
}

# what must hold of every dataset, by the figure that counts the exceptions
INVARIANTS: Mapping[str, str] = {
    "repeated_ids": "ids that stand in several rows",
    "repeated_clusters": "duplicate clusters with several kept rows",
    "clusters_in_two_splits": "duplicate clusters that stand in two splits",
    "english_in_two_splits": "English texts that stand in two splits, over all pairs",
}


def rows_suite() -> list[Expectation]:
    """Of each kept, and of each rejected row (`rows.with_faults`): nothing is wrong with it."""
    return nothing_wrong(FAULTS)


def dataset_suite(bands: Audit) -> list[Expectation]:
    """Of the dataset as a whole (`figures.dataset_figures`)."""
    return [*none_counted(INVARIANTS), within(Audit, "split_deviation", bands.split_deviation)]


def texts_suite(columns: Sequence[str]) -> list[Expectation]:
    """Of a sample of the kept rows (`recheck.text_faults`): their texts, looked at once more, say the same."""
    return nothing_wrong({name: meaning for name, meaning in RECHECKED.items() if name in columns})


def pairs_suite(bands: Audit) -> list[Expectation]:
    """Of each pair (`figures.pair_figures`)."""
    names = ("kept_share", "lid_agreement", "balance", "median_length", "p99_length")
    return [within(Audit, name, getattr(bands, name)) for name in names]


def counts_suite(reasons: Sequence[str]) -> list[Expectation]:
    """Of the rows of each corpus, pair and reason (`figures.count_figures`): no row vanishes."""
    return [
        gxe.ExpectColumnValuesToBeInSet(
            column="reason", value_set=list(reasons), notes="reasons are of the documented vocabulary"
        ),
        gxe.ExpectColumnPairValuesToBeEqual(
            column_A="in_manifest",
            column_B="in_files",
            notes="the files hold the rows that the manifest counts",
        ),
    ]


def corpora_suite(bands: Audit) -> list[Expectation]:
    """Of each corpus and pair whose size is known (`figures.corpus_figures`)."""
    tolerance = bands.rows.tolerance
    return [
        gxe.ExpectColumnValuesToBeBetween(
            column="deviation",
            min_value=-tolerance,
            max_value=tolerance,
            severity=bands.rows.severity,
            notes="rows read / rows of the known release - 1",
        )
    ]


def nothing_wrong(faults: Mapping[str, str]) -> list[Expectation]:
    """That no row has a fault; `faults` is what each column that names faults means."""
    return [
        gxe.ExpectColumnValuesToBeNull(column=name, notes=f"{meaning}: none")
        for name, meaning in faults.items()
    ]


def none_counted(invariants: Mapping[str, str]) -> list[Expectation]:
    """That figures that count exceptions are 0; `invariants` is what each counts."""
    return [
        gxe.ExpectColumnMaxToBeBetween(column=name, max_value=0, notes=f"{meaning}: none")
        for name, meaning in invariants.items()
    ]


def within(declared: type[BaseModel], figure: str, band: Band) -> Expectation:
    """That a figure lies in its band; what the figure means is described where the band is declared."""
    notes: Any = declared.model_fields[figure].description
    return gxe.ExpectColumnValuesToBeBetween(
        column=figure, min_value=band.min, max_value=band.max, severity=band.severity, notes=notes
    )
