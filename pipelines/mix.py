"""Building mixtures: clean pairs and instructions in, what a trainer eats out.

read ─► examples ─► score ─► decide and rank ─► share out ─► write ─► publish. The scored examples stay in the
workspace, and so does their order, so that a killed run goes on from there.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.dedup import contamination
from pipelines.errors import UserError
from pipelines.finish import Finish, finish_and_publish
from pipelines.mix_examples import Read, all_examples, read_sources, rows_of
from pipelines.mix_plan import Plan
from pipelines.mixture import decide, sample
from pipelines.mixture.manifest import complete_counts, described_takes
from pipelines.mixture.sample import Stock, Take
from pipelines.mixture.score import Overlap, Scorer
from pipelines.mixture.shares import PartFacts, shares
from pipelines.mixture.write import conversation, write_pieces
from pipelines.progress import Stages
from pipelines.session import FEW_ROWS, java_version, tune_for
from pipelines.shards.manifest import environment, eval_entries, named, run_manifest
from pipelines.shards.workspace import open_workspace
from pipelines.shards.write import Written
from schemas.datasets import MIXTURE
from schemas.mixture import INSTRUCTIONS, REJECTED, SPLITS


def mix(
    make_session: Callable[[], SparkSession], plan: Plan, overwrite: bool, finish: Finish
) -> dict[str, Any]:
    """Builds and publishes the mixtures; returns the run's manifest.

    The steps of `finish`, called with the session, the folder of the staged result and the run's manifest, complete it
    before it is published (audit, report, card); what one raises publishes nothing. Raises `UserError` (bad input, or
    rows asked for that are not there) and `InvariantError` (a rule of the data was broken).
    """
    config, stages = plan.config, Stages()
    with open_workspace(config.output, plan.fingerprint(), overwrite) as workspace:
        folder = workspace.folder
        with stages.stage("read"):
            read = read_sources(plan, folder)
            index = _eval_index(plan, folder)
        rows = rows_of(plan, read)
        with stages.stage("start"):
            spark = make_session()
        tune_for(spark, sum(rows.values()), config.spark)
        scored, ordered = folder / "scored", folder / "ranked"
        if not (scored / "_SUCCESS").exists():
            with stages.stage("score", sum(rows.values())):
                made = all_examples(spark, plan, folder, read)
                if (
                    sum(rows.values()) <= FEW_ROWS
                ):  # a task for each of many small files would cost more than the work
                    made = made.coalesce(spark.sparkContext.defaultParallelism)
                found = _scorer(plan, index).score(made)
                found.write.mode("overwrite").parquet(str(scored))
        if not (ordered / "_SUCCESS").exists():
            with stages.stage("decide"):
                _decide(spark.read.parquet(str(scored)), plan).write.mode("overwrite").parquet(str(ordered))
        with stages.stage("share out"):
            decided = spark.read.parquet(str(ordered))
            kept = decided.where("reason is null")
            stock = sample.stock(kept)
            takes = _takes(plan, stock)
            counts = complete_counts(_counted(decided), rows)
        with stages.stage("write"):
            shutil.rmtree(workspace.result, ignore_errors=True)
            files, digest = _write(plan, kept, takes, stock, workspace.result)
            files += _write_rejects(plan, decided, workspace.result)
        made_from = {
            "inputs": _described(plan, read),
            **_resources(plan),
            "mixtures": described_takes(takes),
        }
        versions = environment(java_version(spark))
        run = run_manifest(MIXTURE, config, made_from, counts, files, digest, versions)
        return finish_and_publish(spark, workspace, run, stages, finish)


def _eval_index(plan: Plan, folder: Path) -> Path | None:
    settings = plan.config.eval
    if settings.path is None:
        return None
    index = folder / "eval"
    if not (index / "index.json").exists():
        contamination.build_index(settings.path, settings.words, settings.chars).save(index)
    return index


def _scorer(plan: Plan, index: Path | None) -> Scorer:
    config = plan.config
    codes = {"en", *(lang for _, lang, _ in plan.parts())}
    return Scorer(
        {code: config.language(code) for code in sorted(codes)},
        str(plan.lid_model),
        str(plan.tokenizer) if plan.tokenizer else None,
        partial(_overlap, str(index)) if index else None,
    )


def _overlap(folder: str) -> Overlap:
    return contamination.load_index(folder).overlap


def _decide(scored: DataFrame, plan: Plan) -> DataFrame:
    """The examples with `reason`, those that are kept with their part and place in it."""
    config = plan.config
    most = config.tokenizer.max_tokens if config.tokenizer.longer == "reject" and plan.tokenizer else None
    decided = decide.decided(scored, config.licenses.allow, config.checks, most, config.eval.max)
    kept = sample.ranked(decided.where("reason is null"), config.seed)
    return kept.unionByName(decided.where("reason is not null"), allowMissingColumns=True)


def _counted(decided: DataFrame) -> list[tuple[Any, ...]]:
    """Rows of the sources and examples, by source, language, direction and reason."""
    rows = decided.groupBy("source", "lang", "direction", "reason").agg(
        F.sum(F.size("source_ids")), F.count("*")
    )
    return [tuple(row) for row in rows.collect()]


def _takes(plan: Plan, stock: Mapping[tuple[str, str], Stock]) -> dict[str, list[Take]]:
    """What each mixture takes of each part's training and validation rows. Raises `UserError` for what is short."""
    config = plan.config
    nothing = Stock(0, 0, 0)
    found: dict[str, list[Take]] = {}
    problems: list[str] = []
    for name, mixture in config.expanded().items():
        facts = {}
        for part in mixture.parts:
            _, lang, direction = config.parse(part.name) or ("", "", None)
            facts[part.name] = PartFacts(lang, direction, stock.get((part.name, "train"), nothing).units)
        try:
            wanted = shares(name, mixture, facts, plan.allocation)
        except UserError as error:
            problems += error.problems
            continue
        found[name] = [Take(one, "train", units, facts[one].available) for one, units in wanted.items()]
        for one in wanted:
            held = stock.get((one, "validation"), nothing).units
            found[name].append(Take(one, "validation", min(held, config.validation_rows), held))
    if problems:
        raise UserError(*problems)
    return found


def _write(
    plan: Plan,
    kept: DataFrame,
    takes: Mapping[str, list[Take]],
    stock: Mapping[tuple[str, str], Stock],
    result: Path,
) -> tuple[list[Written], str]:
    """Writes `instructions/<mixture>/<split>-00000-of-0000N.parquet`."""
    pieces = {
        (name, split): _pieces(of, split, stock, plan.config.shards.target_mb << 20)
        for name, of in takes.items()
        for split in SPLITS
    }
    rows = sample.taken(kept, takes, pieces, plan.config.seed)
    rows = rows.withColumn("messages", conversation())
    number = F.lpad(F.col("shard").cast("string"), 5, "0")
    of = F.lpad(F.col("pieces").cast("string"), 5, "0")
    name = F.concat(
        F.lit("instructions/"),
        "mixture",
        F.lit("/"),
        "split",
        F.lit("-"),
        number,
        F.lit("-of-"),
        of,
        F.lit(".parquet"),
    )
    total = sum(pieces.values())
    return write_pieces(rows, name, total, ("order", "id", "repeat"), INSTRUCTIONS, result)


def _pieces(of: Sequence[Take], split: str, stock: Mapping[tuple[str, str], Stock], target: int) -> int:
    """The shards of a mixture's split, of about `target` bytes of text each (which stands there twice)."""
    size = 0.0
    for take in of:
        held = stock.get((take.part, split))
        if take.split == split and held is not None and held.units:
            size += 2 * held.bytes * take.units / held.units
    return max(1, math.ceil(size / target))


def _write_rejects(plan: Plan, decided: DataFrame, result: Path) -> list[Written]:
    """Writes `rejected/part-00000-of-0000N.parquet`, every source row that is in no example."""
    rejected = decided.where("reason is not null")
    length = sum((F.octet_length(name) for name in ("instruction", "input", "output")), F.lit(0))
    size = rejected.agg(F.sum(length)).collect()[0][0] or 0
    pieces = max(1, math.ceil(size / (plan.config.shards.target_mb << 20)))
    shard = F.pmod(F.xxhash64("id"), F.lit(pieces)).cast("int")
    name = F.format_string(f"rejected/part-%05d-of-{pieces:05d}.parquet", shard)
    files, _ = write_pieces(rejected, name, pieces, ("reason", "id"), REJECTED, result)
    return files


def _described(plan: Plan, read: Read) -> list[dict[str, Any]]:
    """The manifest's `inputs[]`."""
    found: list[dict[str, Any]] = []
    if plan.parallel is not None:
        found.append(
            {"source": "parallel", "content_sha256": plan.parallel.content_sha256, "rows": plan.parallel.rows}
        )
    found += [
        {"source": name, "content_sha256": made.content_sha256, "rows": made.rows}
        for name, made in plan.general.items()
    ]
    found += [
        {
            "source": source,
            "lang": lang,
            "path": file.path,
            "records": file.records,
            "bytes": file.bytes,
            "sha256": file.sha256,
            "license": plan.config.general[source].license,
            **({"broken": file.broken} if file.broken else {}),
        }
        for (source, lang), files in read.items()
        for file in files
    ]
    return found


def _resources(plan: Plan) -> dict[str, Any]:
    """The other files that the output depends on, and the allocation."""
    return {
        "allocation": plan.allocation,
        "tokenizer": named(plan.tokenizer) if plan.tokenizer else None,
        "lid_model": named(plan.lid_model),
        "eval": eval_entries(plan.config.eval.path, plan.eval_files),
    }
