"""The report on tokenised data: one HTML file that opens anywhere."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.dataset as pads

from pipelines.shards.published import DatasetFolder
from pipelines.tokens.tokenizer import Tokenizer, load_tokenizer
from quality.findings import Audit
from quality.pages import of_run, shown_text, write_page
from schemas.languages import LANGUAGES
from schemas.tokens import REASONS, output_language

_SAMPLES = 3  # of a mixture


def write_report(dataset: DatasetFolder, audited: Audit) -> None:
    """Writes the report of a staged output."""
    result, manifest = dataset.folder, dataset.manifest
    mixtures = list(dict.fromkeys(count["mixture"] for count in manifest["counts"]))
    tokenizer_folder = result / "tokens" / "tokenizer"
    model = tokenizer_folder / manifest["tokenizer"]["name"]
    tokenizer = load_tokenizer(model if model.is_file() else tokenizer_folder)
    totals = {
        f"{row['mixture']} {row['lang']}": row
        | {"rejected": _rejected(manifest, row["mixture"], row["lang"])}
        for row in audited.pairs
    }
    write_page(
        result / "report.html",
        "tokens.html.j2",
        [
            {
                "figures": audited.pairs,
                "fertility": _fertility(manifest),
                "lengths": [_lengths(result / "tokens" / mixture, mixture) for mixture in mixtures],
                "totals": totals,
                "reasons": {
                    reason: meaning
                    for reason, meaning in REASONS.items()
                    if any(reason in total["rejected"] for total in totals.values())
                },
                "samples": [
                    _samples(result / "tokens" / mixture, mixture, tokenizer) for mixture in mixtures
                ],
                **of_run(manifest, audited),
            }
        ],
    )


def _rejected(manifest: Mapping[str, Any], mixture: str, lang: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for count in manifest["counts"]:
        if (count["mixture"], count["lang"]) == (mixture, lang):
            for reason, rows in count["rejected"].items():
                found[reason] = found.get(reason, 0) + rows
    return found


def _fertility(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row for each language that answers are in: tokens a word and a character, uncut; null of no text."""
    sums: dict[str, dict[str, int]] = {}
    for count in manifest["counts"]:
        into = sums.setdefault(count["answer_lang"], {})
        for name in ("kept", "answer_tokens", "characters", "words", "unknown", "tokens"):
            into[name] = into.get(name, 0) + count[name]
    found = []
    for lang, total in sorted(sums.items()):
        spaced = LANGUAGES[lang].spaced if lang in LANGUAGES else True
        tokens = total["answer_tokens"] - total["kept"]  # less the one that ends each
        found.append(
            {
                "lang": lang,
                "rows": total["kept"],
                "tokens": tokens,
                "per_word": tokens / total["words"] if total["words"] and spaced else None,
                "per_character": tokens / total["characters"] if total["characters"] else None,
                "unknown": total["unknown"],
            }
        )
    return found


def _lengths(folder: Path, mixture: str) -> dict[str, Any]:
    """Quantiles of the lengths of a mixture, in tokens."""
    found = sorted(_table(folder, ["length"])["length"]) if folder.is_dir() else []
    places = {"median": 0.5, "90 %": 0.9, "99 %": 0.99, "longest": 1.0}
    return {"mixture": mixture, "rows": len(found)} | {
        name: found[min(int(place * len(found)), len(found) - 1)] if found else None
        for name, place in places.items()
    }


def _samples(folder: Path, mixture: str, tokenizer: Tokenizer) -> dict[str, Any]:
    """The first rows of a mixture by id, decoded, question and answer apart."""
    rows: Sequence[Mapping[str, Any]] = []
    if folder.is_dir():
        wanted = heapq.nsmallest(_SAMPLES, set(_table(folder, ["id"])["id"]))
        table = pads.dataset(folder, exclude_invalid_files=True)
        rows = table.to_table(filter=pads.field("id").isin(wanted)).to_pylist()[:_SAMPLES]
    return {"mixture": mixture, "rows": [_sample(row, tokenizer) for row in rows]}


def _sample(row: Mapping[str, Any], tokenizer: Tokenizer) -> dict[str, Any]:
    ids, boundary = row["input_ids"], row["prompt_tokens"]
    lang = output_language(row["lang"], row["direction"])
    sides = [
        {"name": name} | shown_text(tokenizer.decode(part), code, LANGUAGES.get(code))
        for name, part, code in (
            (f"not learned: {boundary} tokens", ids[:boundary], row["lang"]),
            (f"learned: {len(ids) - boundary} tokens, the last is {ids[-1]}", ids[boundary:], lang),
        )
    ]
    return {"sides": sides, "lang": row["lang"], "task": row["task"], "id": row["id"]}


def _table(folder: Path, columns: list[str]) -> dict[str, list[Any]]:
    return dict(pads.dataset(folder, exclude_invalid_files=True).to_table(columns=columns).to_pydict())
