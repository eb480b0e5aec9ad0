"""The card of parallel data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.markdown import table
from pipelines.shards.manifest import splits_of
from pipelines.shards.published import DatasetFolder
from pipelines.sources.registry import CORPORA
from quality import cards
from quality.cards import Splits, overlap_limit, reasons_table
from quality.licenses import Whole, kept_licenses, of_whole
from schemas.parallel import SPLITS
from schemas.reasons import REASONS
from schemas.rules import RULES
from schemas.thresholds import flatten


def write_card(dataset: DatasetFolder) -> None:
    """Writes the card of parallel data, made from the manifest alone."""
    manifest, splits = dataset.manifest, splits_of(dataset.manifest)
    languages = sorted({code for pair in splits for code in pair.split("-")})
    whole = of_whole(kept_licenses(manifest))
    cards.write_card(
        dataset,
        "Polyinstruct parallel corpus",
        languages,
        whole,
        "translation",
        _body(manifest, splits, whole),
    )


def _body(manifest: Mapping[str, Any], splits: Splits, whole: Whole) -> list[str]:
    thresholds = flatten(manifest["config"]["thresholds"])

    def deciding(reason: str) -> str:
        return ", ".join(f"`{key}` {thresholds[key]:g}" for key in RULES[reason].thresholds)

    return [
        "Sentence pairs with English, cleaned, deduplicated, language-identified and split. Every row carries its "
        "corpus, file, line, licence, scores and duplicate cluster. `manifest.json` beside this card names every "
        "input with its checksum, and the configuration.",
        "",
        "## Rows",
        "",
        *table(
            ("pair", *SPLITS),
            [
                (pair, *(f"{splits[pair].get(split, {}).get('rows', 0):,}" for split in SPLITS))
                for pair in sorted(splits)
            ],
        ),
        "",
        "## Sources",
        "",
        *table(
            ("corpus", "pair", "file", "rows", "licence"),
            [
                (s["corpus"], s["pair"], f"`{s['path']}`", f"{s['rows']:,}", s["license"])
                for s in manifest["inputs"]
            ],
        ),
        "",
        "**Licence of the whole**: " + whole.why,
        "",
        *_citations(manifest),
        "## Filtering",
        "",
        "A row carries the first reason that holds, in this order; rejected rows are kept beside the dataset. "
        "Thresholds are the general ones: `manifest.json` has those that hold for some corpora and pairs "
        "(`overrides`), and for high margins (`strict`).",
        "",
        *reasons_table(manifest["counts"], REASONS, deciding),
        "",
        "## Known limits",
        "",
        *_limits(manifest),
        "",
    ]


def _limits(manifest: Mapping[str, Any]) -> list[str]:
    config = manifest["config"]
    thresholds = config["thresholds"]
    limits = [
        f"- Languages are identified by `{manifest['lid_model']['name']}`, which mistakes short sentences and close "
        f"languages: of another language is a row only where the claimed one is less probable than "
        f"{thresholds['lid']['min_src']} (source) or {thresholds['lid']['min_tgt']} (target).",
        "- Rules look at form: a fluent sentence beside a fluent sentence of another meaning is found by its length, "
        "numbers or margin, or not at all.",
        f"- Near-duplicates are rows whose two sides are both similar from {config['dedup']['near']['threshold']} up "
        "(Jaccard, n-grams of characters); paraphrases are not found."
        if config["dedup"]["near"]["enabled"]
        else "- Near-duplicates were not looked for.",
    ]
    limits.append(overlap_limit(manifest))
    if config["sources"]["limit"] is not None:
        limits.append(f"- Of each file only the first {config['sources']['limit']:,} lines were read.")
    limits += [
        f"- `{source['path']}` breaks off: {source['broken']}."
        for source in manifest["inputs"]
        if "broken" in source
    ]
    return limits


def _citations(manifest: Mapping[str, Any]) -> list[str]:
    names = sorted({source["corpus"] for source in manifest["inputs"]})
    found = [CORPORA[name].citation for name in names if name in CORPORA]
    return ["```bibtex", *found, "```", ""] if found else []
