"""The card of translated instructions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from pipelines.markdown import table
from pipelines.shards.manifest import splits_of
from pipelines.shards.published import DatasetFolder
from quality import cards
from quality.cards import Splits, reasons_table
from quality.licenses import of_whole
from schemas.instructions import REASONS
from schemas.parallel import SPLITS
from schemas.translation import CONDITIONS, ROUTE_REASONS


def write_card(dataset: DatasetFolder) -> None:
    """Writes the card of translated instructions, made from the manifest alone."""
    manifest, splits = dataset.manifest, splits_of(dataset.manifest)
    # the model's weights are a part of what was made with them
    whole = of_whole({manifest["config"]["license"], manifest["engine"]["license"]})
    body = _body(manifest, splits, whole.why)
    title = "Polyinstruct translated instructions"
    cards.write_card(dataset, title, sorted(splits), whole, "text-generation", body)


def _body(manifest: Mapping[str, Any], splits: Splits, why: str) -> list[str]:
    config, engine = manifest["config"], manifest["engine"]
    languages = list(dict.fromkeys(count["lang"] for count in manifest["counts"]))
    names = sorted({split for found in splits.values() for split in found}, key=SPLITS.index)
    return [
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
        *reasons_table(manifest["counts"], REASONS, partial(_thresholds, checks=config["checks"])),
        "",
        "## Known limits",
        "",
        f"- Languages are identified by `{manifest['lid_model']['name']}`, which mistakes short texts and close "
        "languages.",
        "- The checks look at form: a fluent translation of another meaning passes them.",
        "- A sentence is translated by itself: pronouns and terms may differ between the sentences of a record.",
        "",
    ]


def _thresholds(reason: str, checks: Mapping[str, float]) -> str:
    return ", ".join(
        f"`{score}` {sign} {checks[key.removesuffix('_')]:g}"
        for score, sign, key in CONDITIONS.get(reason, ())
    )
