"""The card of mixtures: one config for each mixture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from pipelines.markdown import table
from pipelines.shards.published import DatasetFolder
from quality import cards
from quality.cards import overlap_limit, reasons_table
from quality.licenses import of_whole
from quality.mixture_figures import summed
from schemas.mixture import REASONS


def write_card(dataset: DatasetFolder, contents: pd.DataFrame) -> None:
    """Writes the card of mixtures; `contents` is of `mixture_figures`."""
    whole = of_whole(set(contents["license"]))
    languages, body = sorted({"en", *contents["lang"]}), _body(dataset.manifest, contents, whole.why)
    cards.write_card(dataset, "Polyinstruct training mixtures", languages, whole, "text-generation", body)


def _body(manifest: Mapping[str, Any], contents: pd.DataFrame, why: str) -> list[str]:
    tokenizer = manifest["tokenizer"]
    by = summed(contents, "mixture", "split", "part", "task").to_dict("records")
    return [
        "Instructions to tune a language model on, after arXiv 2308.04948: general tasks in English and other "
        "languages, and translation tasks made of sentence pairs. Each mixture is a config; a row that stands in "
        "several has the same `id` in all of them. Train on `output` alone (`messages` holds the same as a "
        "conversation).",
        "",
        "```python",
        "from datasets import load_dataset",
        "",
        f'load_dataset("<this folder or repository>", "{by[0]["mixture"]}")',
        "```",
        "",
        "LLaMA-Factory finds the mixtures by `dataset_info.json`; `axolotl.yaml` holds what Axolotl's configuration "
        "needs.",
        "",
        "## Mixtures",
        "",
        *table(
            ("mixture", "split", "part", "rows", "of them repeats", "pairs", "tokens"),
            [
                (
                    row["mixture"],
                    row["split"],
                    f"`{row['part']}`",
                    f"{row['rows']:,}",
                    f"{row['rows'] - row['distinct']:,}",
                    f"{row['units']:,}" if row["task"] == "translation" else "",
                    "" if pd.isna(row["tokens"]) else f"{int(row['tokens']):,}",
                )
                for row in by
            ],
        ),
        "",
        (
            f"Tokens are those of `{tokenizer['name']}`, without a template."
            if tokenizer
            else "Tokens were not counted."
        ),
        "",
        "No English text, record or duplicate cluster stands in both train and validation, over all mixtures and "
        "languages. What a mixture takes of a part is the beginning of an order by the hash of seed and id: a larger "
        "budget only adds rows.",
        "",
        "## Sources",
        "",
        *table(
            ("source", "what", "rows", "content or file"),
            [
                (
                    one["source"],
                    f"`{one['path']}` ({one['lang']})" if "path" in one else ", ".join(sorted(one["rows"])),
                    f"{one['records'] if 'path' in one else sum(one['rows'].values()):,}",
                    f"`{(one['sha256'] if 'path' in one else one['content_sha256'])[:16]}`",
                )
                for one in manifest["inputs"]
            ],
        ),
        "",
        "**Licence of the whole**: " + why,
        "",
        "## Rejected rows",
        "",
        *reasons_table(manifest["counts"], REASONS),
        "",
        "## Known limits",
        "",
        overlap_limit(manifest),
        "- Instruction files that are not aligned with an English one are kept apart from it by their texts alone: a "
        "record and its translation may stand in different splits.",
        "",
    ]
