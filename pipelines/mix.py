"""Building mixtures: clean pairs and instructions in, what a trainer eats out.

read ─► examples ─► score ─► decide and rank ─► share out ─► write ─► publish. The scored examples stay in the
workspace, and so does their order, so that a killed run goes on from there.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from pathlib import Path
from typing import Any

import yaml
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines import lid
from pipelines.atomic import write_json
from pipelines.dedup import contamination
from pipelines.errors import UserError
from pipelines.finish import Finish, finish_and_publish
from pipelines.mixture import decide, examples, sample, sources
from pipelines.mixture.manifest import complete_counts, published_manifest, run_manifest
from pipelines.mixture.sample import Stock, Take
from pipelines.mixture.score import Overlap, Scorer
from pipelines.mixture.shares import PartFacts, shares
from pipelines.mixture.sources import Made
from pipelines.mixture.templates import instructions
from pipelines.mixture.write import conversation, write_pieces
from pipelines.progress import Stages
from pipelines.session import java_version, tune_for
from pipelines.shards.workspace import code_sha256, open_workspace
from pipelines.shards.write import Written, sha256_of
from pipelines.tokenizers import load_tokenizer, tokenizer_file
from pipelines.translation.chunks import ReadFile, chunk_path, read_files
from pipelines.translation.records import MAX_CHARS
from schemas.datasets import PARALLEL, TRANSLATED
from schemas.mixture import INSTRUCTIONS, REJECTED, SPLITS
from schemas.mixture_run import MixtureRun
from schemas.spelling import did_you_mean


@dataclass(frozen=True)
class Plan:
    """What is known, and checked, before Spark starts."""

    config: MixtureRun
    parallel: Made | None
    general: dict[str, Made]
    allocation: dict[str, int] | None
    tokenizer: Path | None
    lid_model: Path
    eval_files: tuple[Path, ...]

    def parts(self) -> list[tuple[str, str, str | None]]:
        """Source, language and direction of every part that a mixture asks for."""
        names = dict.fromkeys(part.name for one in self.config.expanded().values() for part in one.parts)
        return [parsed for name in names if (parsed := self.config.parse(name)) is not None]

    def fingerprint(self) -> str:
        """Of everything the output depends on; files by size and time of change, for reading them takes long."""
        files = [
            path for one in self.config.general.values() for group in one.files.values() for path in group
        ]
        stats = [
            (str(path.absolute()), path.stat().st_size, path.stat().st_mtime_ns)
            for path in [*files, *self.eval_files]
        ]
        made = [self.parallel, *self.general.values()]
        parts = [
            code_sha256(),
            self.config.sha256(),
            [one.content_sha256 if one else None for one in made],
            self.allocation,
            sha256_of(self.tokenizer) if self.tokenizer else None,
            sha256_of(self.lid_model),
            stats,
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def plan(config: MixtureRun) -> Plan:
    """Checks everything that can be checked without reading rows. Raises `UserError` with all problems."""
    problems: list[str] = []

    def tried(make: Callable[[], Any]) -> Any:
        try:
            return make()
        except UserError as error:
            problems.extend(error.problems)
            return None

    wanted = {config.parse(part.name) for one in config.expanded().values() for part in one.parts}
    used = {parsed[0] for parsed in wanted if parsed}
    parallel = None
    if "parallel" in used and config.translation.path is not None:
        path = config.translation.path
        parallel = tried(lambda: sources.open_made(path, "translation.path", PARALLEL))
    general: dict[str, Made] = {}
    for name, one in config.general.items():
        if name in used and one.path is not None:
            opened = tried(partial(sources.open_made, one.path, f"general.{name}.path", TRANSLATED))
            if opened is not None:
                general[name] = opened
        for files in one.files.values() if name in used else ():
            problems += [
                f"general.{name}.files: {path}: no such file" for path in files if not path.is_file()
            ]
    for parsed in sorted(filter(None, wanted), key=str):
        problems += _lacking(parsed, parallel, general)
    allocation = tried(lambda: _allocation(config))
    tokenizer = None
    if config.tokenizer.path is not None:
        given = config.tokenizer.path
        tokenizer = tried(lambda: tokenizer_file(given, "tokenizer.path"))
        if tokenizer is not None:
            tried(lambda: load_tokenizer(str(tokenizer), "tokenizer.path"))
    model = config.lid.model or lid.default_model()
    tried(lambda: lid.load_model(str(model)))
    eval_files: list[Path] = []
    if config.eval.path is not None and not config.eval.path.is_dir():
        problems.append(f"eval.path: {config.eval.path} is no folder")
    elif config.eval.path is not None:
        eval_files = contamination.eval_files(config.eval.path)
    if problems:
        raise UserError(*problems)
    return Plan(config, parallel, general, allocation, tokenizer, model, tuple(eval_files))


def _lacking(
    parsed: tuple[str, str, str | None], parallel: Made | None, general: Mapping[str, Made]
) -> list[str]:
    """What a part asks for and its dataset does not have."""
    source, lang, direction = parsed
    if direction is not None:
        if parallel is not None and f"en-{lang}" not in parallel.rows:
            there = ", ".join(sorted(parallel.rows)) or "none"
            return [
                f"translation.path: {parallel.folder} has no pair en-{lang}, which {direction} needs; it has {there}"
            ]
    elif source in general and lang not in general[source].rows:
        there = ", ".join(sorted(general[source].rows)) or "none"
        return [f"general.{source}.path: {general[source].folder} has no rows in {lang}; it has {there}"]
    return []


def _allocation(config: MixtureRun) -> dict[str, int] | None:
    """The pairs of each language, as given or as plan_mixture wrote them. Raises `UserError`."""
    given = config.translation.allocation
    if given is None:
        return None
    where = "translation.allocation"
    rows: Any = given
    if isinstance(given, Path):
        where = f"{where}: {given}"
        try:
            rows = yaml.safe_load(given.read_text(encoding="utf-8"))["allocation"]
        except OSError as error:
            raise UserError(f"{where}: cannot be read ({error.strerror})") from None
        except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError):
            raise UserError(
                f"{where}: expected what plan_mixture wrote, with allocation: {{zh: ...}}"
            ) from None
    if not isinstance(rows, dict) or not rows:
        raise UserError(f"{where}: expected rows for each language, like {{zh: 40000}}")
    problems = [
        f"{where}: {lang}: expected a number of rows, found {number!r}"
        for lang, number in rows.items()
        if isinstance(number, bool) or not isinstance(number, int) or number < 0
    ]
    problems += [
        f"{where}: {lang}: is none of the languages{did_you_mean(str(lang), config.languages)}"
        for lang in rows
        if lang not in config.languages
    ]
    if problems:
        raise UserError(*problems)
    return dict(rows)


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
            read = _read_files(plan, folder)
            index = _eval_index(plan, folder)
        rows = _rows_of(plan, read)
        with stages.stage("start"):
            spark = make_session()
        tune_for(spark, sum(rows.values()), config.spark)
        scored, ordered = folder / "scored", folder / "ranked"
        if not (scored / "_SUCCESS").exists():
            with stages.stage("score", sum(rows.values())):
                found = _scorer(plan, index).score(_examples(spark, plan, folder, read))
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
        run = run_manifest(
            config,
            _described(plan, read),
            _resources(plan),
            counts,
            takes,
            files,
            digest,
            java_version(spark),
        )
        (workspace.result / "instructions").mkdir(parents=True, exist_ok=True)
        write_json(workspace.result / "instructions" / "manifest.json", published_manifest(run))
        return finish_and_publish(spark, workspace, run, stages, finish)


def _read_files(plan: Plan, folder: Path) -> dict[tuple[str, str], list[ReadFile]]:
    """The records of instruction files, cut into chunks, by set and language."""
    wanted = {(source, lang) for source, lang, direction in plan.parts() if direction is None}
    return {
        (source, lang): read_files(
            plan.config.general[source].files[lang],
            folder / "records" / f"{source}-{lang}",
            None,
            MAX_CHARS,
            False,
        )
        for source, lang in sorted(wanted)
        if source not in plan.general
    }


def _eval_index(plan: Plan, folder: Path) -> Path | None:
    settings = plan.config.eval
    if settings.path is None:
        return None
    index = folder / "eval"
    if not (index / "index.json").exists():
        contamination.build_index(settings.path, settings.words, settings.chars).save(index)
    return index


def _rows_of(plan: Plan, read: Mapping[tuple[str, str], Sequence[ReadFile]]) -> dict[tuple[str, str], int]:
    """The rows that each source has of a language."""
    rows: dict[tuple[str, str], int] = {}
    for source, lang, direction in plan.parts():
        if direction is not None and plan.parallel is not None:
            rows[source, lang] = plan.parallel.rows[f"en-{lang}"]
        elif source in plan.general:
            rows[source, lang] = plan.general[source].rows[lang]
        else:
            rows[source, lang] = sum(file.records for file in read[source, lang])
    return rows


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


def _examples(
    spark: SparkSession, plan: Plan, folder: Path, read: Mapping[tuple[str, str], Sequence[ReadFile]]
) -> DataFrame:
    """The examples of all parts, each once."""
    config = plan.config
    found: list[DataFrame] = []
    for priority, (name, one) in enumerate(config.general.items()):
        codes = [lang for source, lang, direction in plan.parts() if source == name and direction is None]
        if not codes:
            continue
        if name in plan.general:
            # English with them, for what is English in a record holds for its translations
            made = plan.general[name]
            wanted = [*codes, *(["en"] if "en" not in codes and made.rows.get("en") else [])]
            rows = sources.translated(spark, made, wanted)
        else:
            rows = reduce(
                DataFrame.unionByName,
                (
                    sources.from_file(
                        spark.read.parquet(*_chunk_files(folder, name, lang, read[name, lang])),
                        name,
                        lang,
                        one.license,
                        one.aligned,
                        config.splits,
                        config.seed,
                    )
                    for lang in codes
                ),
            )
        made_of = examples.general(rows, name, priority, checked=name in plan.general)
        found.append(made_of.where(F.col("lang").isin(codes)))
    directions = [direction for _, _, direction in plan.parts() if direction is not None]
    if directions and plan.parallel is not None:
        pairs = sorted({f"en-{lang}" for _, lang, direction in plan.parts() if direction is not None})
        named = {code: config.language(code) for pair in pairs for code in pair.split("-")}
        templates = {
            name: instructions(config.translation.templates, name, *(named[code] for code in name.split("-")))
            for name in directions
        }
        rows = spark.read.parquet(*plan.parallel.paths(pairs))
        found.append(examples.translation(rows, directions, templates, named, config.seed, _grouping(plan)))
    return reduce(DataFrame.unionByName, found)


def _chunk_files(folder: Path, name: str, lang: str, files: Iterable[ReadFile]) -> list[str]:
    records = folder / "records" / f"{name}-{lang}"
    return [str(chunk_path(records, chunk)) for file in files for chunk in file.chunks]


def _grouping(plan: Plan) -> examples.Grouping | None:
    settings, config = plan.config.translation, plan.config
    if settings.max_sentences == 1 or plan.tokenizer is None:
        return None
    unspaced = frozenset(code for code in config.languages if not config.language(code).spaced)
    return examples.Grouping(
        settings.max_sentences, settings.max_tokens, str(plan.tokenizer), unspaced, config.seed
    )


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


def _described(plan: Plan, read: Mapping[tuple[str, str], Sequence[ReadFile]]) -> list[dict[str, Any]]:
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
        }
        for (source, lang), files in read.items()
        for file in files
    ]
    return found


def _resources(plan: Plan) -> dict[str, Any]:
    """The other files that the output depends on, and the allocation."""
    evals = plan.config.eval.path
    return {
        "allocation": plan.allocation,
        "tokenizer": {"name": plan.tokenizer.name, "sha256": sha256_of(plan.tokenizer)}
        if plan.tokenizer
        else None,
        "lid_model": {"name": plan.lid_model.name, "sha256": sha256_of(plan.lid_model)},
        "eval": [
            {"path": path.relative_to(evals).as_posix(), "sha256": sha256_of(path)}
            for path in plan.eval_files
            if evals is not None
        ],
    }
