"""The audit of parallel data: what every dataset passes before it is published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from pipelines.shards.published import BuiltDataset, read_rows
from quality import suites
from quality.figures import corpus_figures, count_figures, dataset_figures, offending, pair_figures
from quality.findings import Audit
from quality.gate import Breaking, check, records, with_breaking
from quality.recheck import text_faults
from quality.rows import with_faults
from schemas.parallel import PARALLEL, REJECTED
from schemas.reasons import KEPT, REASONS


def audit(spark: SparkSession, dataset: BuiltDataset, docs: Path | None, evals: Path | None) -> Audit:
    """Audits a dataset; writes Great Expectations' Data Docs to `docs`, if given.

    `evals` is the folder of evaluation sets that a sample of the rows is held against once more. Raises `UserError` if
    one of these is broken.
    """
    manifest, config = dataset.manifest, dataset.config
    kept = read_rows(spark, PARALLEL, dataset.kept)
    rejected = read_rows(spark, REJECTED, dataset.rejected) if dataset.rejected else None
    rows = with_faults(spark, kept, PARALLEL, manifest, config)
    if rejected is not None:
        rows = rows.unionByName(with_faults(spark, rejected, REJECTED, manifest, config))
    texts = text_faults(kept, manifest, config, evals)
    pairs = pair_figures(kept, manifest, config)
    tables = (
        ("rows", rows, suites.rows_suite()),
        ("texts", texts, suites.texts_suite(texts.columns)),
        ("dataset", dataset_figures(kept, config), suites.dataset_suite(config.audit)),
        ("pairs", pairs, suites.pairs_suite(config.audit)),
        (
            "counts",
            count_figures(kept, rejected, manifest, ("corpus", "pair")),
            suites.counts_suite([*REASONS, KEPT]),
        ),
        ("corpora", corpus_figures(manifest, config), suites.corpora_suite(config.audit)),
    )
    place = ("pair", "file", "line")
    repeated = {
        name: Breaking(offending(kept, name), place, ["cluster_id", "split"]) for name in suites.INVARIANTS
    }
    found = with_breaking(check(docs, tables), rows, place, repeated)
    return Audit(found, records(pairs), tuple(_unchecked(texts.columns, manifest)))


def _unchecked(columns: Sequence[str], manifest: Mapping[str, Any]) -> Iterator[str]:
    """What `text_faults` could not look at, and why."""
    if "other_language" not in columns:
        model = manifest["lid_model"]["name"]
        yield f"the languages of a sample of the texts, since the LID model {model} is not here"
    if "found_in" not in columns and manifest["eval"]:
        yield "a sample of the texts against the evaluation sets; --eval DIR names their folder"
