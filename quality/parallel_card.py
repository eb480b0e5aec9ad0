"""The dataset card: `README.md` with the Hub's metadata, made from the manifest alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from pipelines.atomic import replacing
from pipelines.markdown import table
from pipelines.shards.manifest import splits_of
from pipelines.sources.registry import CORPORA
from quality.licenses import Whole, hub_name, kept_licenses, of_whole
from schemas.fields import Dataset, Field
from schemas.parallel import PARALLEL, SPLITS
from schemas.reasons import REASONS
from schemas.rules import RULES
from schemas.thresholds import flatten

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_MORE_SIZES = ((10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"), (1_000_000_000, "100M<n<1B"))


def write_card(result: Path, manifest: Mapping[str, Any]) -> None:
    """Writes `parallel/README.md` under `result`, so that `datasets.load_dataset` finds every pair as a config."""
    with replacing(result / "parallel" / "README.md") as path:
        path.write_text(card(manifest, splits_of(manifest)), encoding="utf-8")


def card(manifest: Mapping[str, Any], splits: Mapping[str, Mapping[str, Mapping[str, int]]]) -> str:
    """The card's text. `splits` are rows and bytes by pair and split; empty splits are not in it."""
    header = front_matter(
        "Polyinstruct parallel corpus",
        sorted({code for pair in splits for code in pair.split("-")}),
        of_whole(kept_licenses(manifest)),
        sum(count["kept"] for count in manifest["counts"]),
        ["translation"],
        configs(splits, PARALLEL),
    )
    return header + _body(manifest, splits)


def front_matter(
    name: str,
    languages: Sequence[str],
    whole: Whole,
    rows: int,
    tasks: Sequence[str],
    configs: Mapping[str, Any],
) -> str:
    """The Hub's metadata at the head of a card (huggingface.co/docs/hub/datasets-cards)."""
    licence = hub_name(whole)
    metadata = {
        "pretty_name": name,
        "language": list(languages),
        "license": licence,
        **({"license_name": "mixed", "license_link": "README.md"} if licence == "other" else {}),
        "task_categories": list(tasks),
        "multilinguality": ["translation"],
        "size_categories": [
            next((size for limit, size in (*_SIZES, *_MORE_SIZES) if rows < limit), "1B<n<10B")
        ],
        **configs,
    }
    header = yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True)
    return f"---\n{header}---\n\n"


def configs(
    splits: Mapping[str, Mapping[str, Mapping[str, int]]], dataset: Dataset
) -> dict[str, list[dict[str, Any]]]:
    """`configs` and `dataset_info`: one for each folder of shards, by name -> split -> rows and bytes."""
    return {
        "configs": [
            {
                "config_name": name,
                "data_files": [
                    {"split": split, "path": f"{name}/{split}-*.parquet"}
                    for split in SPLITS
                    if split in splits[name]
                ],
            }
            for name in sorted(splits)
        ],
        "dataset_info": [
            {
                "config_name": name,
                "features": [_feature(field) for field in dataset.fields],
                "splits": [
                    {
                        "name": split,
                        # of the files: `datasets` reads no part of the splits without it, and checks the rows alone
                        "num_bytes": splits[name][split]["bytes"],
                        "num_examples": splits[name][split]["rows"],
                    }
                    for split in SPLITS
                    if split in splits[name]
                ],
                "download_size": sum(of_split["bytes"] for of_split in splits[name].values()),
            }
            for name in sorted(splits)
        ],
    }


def _feature(field: Field) -> dict[str, Any]:
    """A column as the Hub's metadata has it."""
    if field.type == "messages":
        return {
            "name": field.name,
            "list": [{"name": name, "dtype": "string"} for name in ("role", "content")],
        }
    if field.type.startswith("list<"):
        return {"name": field.name, "list": field.type.removeprefix("list<").removesuffix(">")}
    return {"name": field.name, "dtype": field.type}


def _body(manifest: Mapping[str, Any], splits: Mapping[str, Mapping[str, Mapping[str, int]]]) -> str:
    return "\n".join(
        [
            "# Polyinstruct parallel corpus",
            "",
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
            "**Licence of the whole**: " + of_whole(kept_licenses(manifest)).why,
            "",
            *_citations(manifest),
            "## Filtering",
            "",
            "A row carries the first reason that holds, in this order; rejected rows are kept beside the dataset. "
            "Thresholds are the general ones: `manifest.json` has those that hold for some corpora and pairs "
            "(`overrides`), and for high margins (`strict`).",
            "",
            *table(("reason", "rows", "meaning", "thresholds"), _reasons(manifest)),
            "",
            "## Known limits",
            "",
            *_limits(manifest),
            "",
            "## Columns",
            "",
            *table(
                ("column", "type", "meaning"),
                [(f"`{f.name}`", f.type, f.description) for f in PARALLEL.fields],
            ),
            "",
        ]
    )


def _reasons(manifest: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    totals = {reason: sum(c["rejected"].get(reason, 0) for c in manifest["counts"]) for reason in REASONS}
    thresholds = flatten(manifest["config"]["thresholds"])
    return [
        (
            f"`{reason}`",
            f"{totals[reason]:,}",
            meaning,
            ", ".join(f"`{key}` {thresholds[key]:g}" for key in RULES[reason].thresholds),
        )
        for reason, meaning in REASONS.items()
        if totals[reason]
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
    if manifest["eval"]:
        limits.append(
            f"- Overlap with {len(manifest['eval'])} files of evaluation sets was looked for by n-grams of "
            f"{config['eval']['words']} words ({config['eval']['chars']} characters in scripts without spaces)."
        )
    else:
        limits.append("- No evaluation set was given: the rows may overlap with the one that you test on.")
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


def reasons_table(counts: Sequence[Mapping[str, Any]], reasons: Mapping[str, str]) -> list[str]:
    """The rejected rows of all `counts` by reason, in the order of `reasons`, with what each means."""
    rows = {reason: sum(count["rejected"].get(reason, 0) for count in counts) for reason in reasons}
    return table(
        ("reason", "rows", "meaning"),
        [
            (f"`{reason}`", f"{rows[reason]:,}", meaning)
            for reason, meaning in reasons.items()
            if rows[reason]
        ],
    )
