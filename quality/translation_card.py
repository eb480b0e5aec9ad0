"""The card of a translated instruction dataset: `README.md` with the Hub's metadata, made from the manifest alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.atomic import replacing
from pipelines.markdown import table
from pipelines.shards.manifest import splits_of
from quality.licenses import of_whole
from quality.parallel_card import configs, front_matter
from schemas.instructions import INSTRUCTIONS, REASONS
from schemas.translation import CONDITIONS, ROUTE_REASONS


def write_card(result: Path, manifest: Mapping[str, Any]) -> None:
    """Writes `instructions/README.md` under `result`, so that `datasets.load_dataset` finds every language."""
    splits = splits_of(manifest)
    # the model's weights are a part of what was made with them
    whole = of_whole({manifest["config"]["license"], manifest["engine"]["license"]})
    rows = sum(count["kept"] for count in manifest["counts"])
    header = front_matter(
        "Polyinstruct translated instructions",
        sorted(splits),
        whole,
        rows,
        ["text-generation"],
        configs(splits, INSTRUCTIONS),
    )
    with replacing(result / "instructions" / "README.md") as path:
        path.write_text(header + "\n".join(_body(manifest, splits, whole.why)), encoding="utf-8")


def _body(
    manifest: Mapping[str, Any], splits: Mapping[str, Mapping[str, Mapping[str, int]]], why: str
) -> list[str]:
    config, engine = manifest["config"], manifest["engine"]
    languages = list(dict.fromkeys(count["lang"] for count in manifest["counts"]))
    names = sorted(
        {split for found in splits.values() for split in found}, key=("train", "validation", "test").index
    )
    checks = config["checks"]
    return [
        "# Polyinstruct translated instructions",
        "",
        f"Instruction records in English, and translated by `{engine['signature']}`. Rows with the same `source_id` "
        "are translations of one another. Code, addresses, formulas and placeholders are the source's; tasks that "
        "translation destroys (grammar, rhyme, letters, ...) keep their English parts: the column `route` says so.",
        "",
        "## Rows",
        "",
        *table(
            ("language", *names),
            [
                (lang, *(f"{splits[lang].get(split, {}).get('rows', 0):,}" for split in names))
                for lang in languages
                if lang in splits
            ],
        ),
        "",
        "## Sources",
        "",
        *table(
            ("file", "records", "licence"),
            [(f"`{s['path']}`", f"{s['records']:,}", config["license"]) for s in manifest["inputs"]],
        ),
        "",
        f"Translated with {engine['model']} (revision {engine['revision']}, {engine['quantization']}), whose weights "
        f"are under {engine['license']}.",
        "",
        "**Licence of the whole**: " + why,
        "",
        "## What became of the tasks",
        "",
        *table(
            ("task", "route"),
            [
                (meaning, f"`{config['routing']['routes'].get(reason, default)}`")
                for reason, (meaning, default) in ROUTE_REASONS.items()
            ],
        ),
        "",
        "## Filtering",
        "",
        "A row carries the first reason that holds, in this order; rejected rows are kept beside the dataset.",
        "",
        *table(
            ("reason", "rows", "meaning", "thresholds"),
            [
                (f"`{reason}`", f"{rows:,}", meaning, _thresholds(reason, checks))
                for reason, meaning in REASONS.items()
                if (rows := sum(count["rejected"].get(reason, 0) for count in manifest["counts"]))
            ],
        ),
        "",
        "## Known limits",
        "",
        f"- Languages are identified by `{manifest['lid_model']['name']}`, which mistakes short texts and close "
        "languages.",
        "- The checks look at form: a fluent translation of another meaning passes them.",
        "- A sentence is translated by itself: pronouns and terms may differ between the sentences of a record.",
        "",
        "## Columns",
        "",
        *table(
            ("column", "type", "meaning"),
            [(f"`{f.name}`", f.type, f.description) for f in INSTRUCTIONS.fields],
        ),
        "",
    ]


def _thresholds(reason: str, checks: Mapping[str, float]) -> str:
    return ", ".join(
        f"`{score}` {sign} {checks[key.removesuffix('_')]:g}"
        for score, sign, key in CONDITIONS.get(reason, ())
    )
