"""What all dataset cards share: the Hub's metadata, the title, the columns, and a few passages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml

from pipelines.atomic import replacing
from pipelines.markdown import table
from pipelines.shards.manifest import splits_of
from pipelines.shards.published import DatasetFolder
from quality.licenses import Whole, hub_name
from schemas.fields import Dataset, Field
from schemas.parallel import SPLITS

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_MORE_SIZES = ((10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"), (1_000_000_000, "100M<n<1B"))

# folder of shards (a pair, language or mixture) -> split -> rows and bytes; empty splits are not in it
Splits = Mapping[str, Mapping[str, Mapping[str, int]]]


def write_card(
    dataset: DatasetFolder, title: str, languages: Sequence[str], whole: Whole, task: str, body: Sequence[str]
) -> None:
    """Writes the published folder's `README.md`, so that `datasets.load_dataset` finds every folder of shards.

    `body` is what stands between the title and the columns, line by line.
    """
    kind, splits = dataset.kind, splits_of(dataset.manifest)
    declared = kind.folders[kind.published]
    lines = [
        f"# {title}",
        "",
        *body,
        "## Columns",
        "",
        *table(
            ("column", "type", "meaning"), [(f"`{f.name}`", f.type, f.description) for f in declared.fields]
        ),
        "",
    ]
    header = _front_matter(title, languages, whole, task, splits, declared)
    with replacing(dataset.kept / "README.md") as path:
        path.write_text(header + "\n".join(lines), encoding="utf-8")


def _front_matter(
    title: str, languages: Sequence[str], whole: Whole, task: str, splits: Splits, declared: Dataset
) -> str:
    """The Hub's metadata at the head of a card (huggingface.co/docs/hub/datasets-cards)."""
    licence = hub_name(whole)
    rows = sum(found["rows"] for of_split in splits.values() for found in of_split.values())
    metadata = {
        "pretty_name": title,
        "language": list(languages),
        "license": licence,
        **({"license_name": "mixed", "license_link": "README.md"} if licence == "other" else {}),
        "task_categories": [task],
        "multilinguality": ["translation"],
        "size_categories": [
            next((size for limit, size in (*_SIZES, *_MORE_SIZES) if rows < limit), "1B<n<10B")
        ],
        **_configs(splits, declared),
    }
    header = yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True)
    return f"---\n{header}---\n\n"


def _configs(splits: Splits, declared: Dataset) -> dict[str, list[dict[str, Any]]]:
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
                "features": [_feature(field) for field in declared.fields],
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


def reasons_table(
    counts: Sequence[Mapping[str, Any]],
    reasons: Mapping[str, str],
    thresholds: Callable[[str], str] | None = None,
) -> list[str]:
    """The rejected rows of all `counts` by reason, in the order of `reasons`, with what each means.

    `thresholds` tells, if given, those that decide on a reason.
    """
    rows = {reason: sum(count["rejected"].get(reason, 0) for count in counts) for reason in reasons}
    return table(
        ("reason", "rows", "meaning", *(["thresholds"] if thresholds else [])),
        [
            (f"`{reason}`", f"{rows[reason]:,}", meaning, *([thresholds(reason)] if thresholds else []))
            for reason, meaning in reasons.items()
            if rows[reason]
        ],
    )


def overlap_limit(manifest: Mapping[str, Any]) -> str:
    """What is known of the overlap with evaluation sets."""
    if not manifest["eval"]:
        return "- No evaluation set was given: the rows may overlap with the one that you test on."
    settings = manifest["config"]["eval"]
    return (
        f"- Overlap with {len(manifest['eval'])} files of evaluation sets was looked for by n-grams of "
        f"{settings['words']} words ({settings['chars']} characters in scripts without spaces)."
    )
