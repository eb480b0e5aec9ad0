"""Small datasets in the form in which jobs publish them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas import datasets
from schemas.datasets import Kind
from schemas.instructions import INSTRUCTIONS
from schemas.mi_eval import MI_EVAL
from schemas.parallel import PARALLEL

WORDS = {
    "en": "the river carries small boats past an old stone bridge while children watch from both banks",
    "zh": " ".join("小船沿着河流经过古老石桥孩子们在两岸观看并挥手告别"),
    "el": "το ποτάμι περνά μικρές βάρκες κάτω από μια παλιά πέτρινη γέφυρα και τα παιδιά κοιτάζουν",
}


def text(lang: str, number: int, length: int = 9) -> str:
    """A text of a language, another for each number."""
    words, joined = WORDS[lang].split(), "" if lang == "zh" else " "
    start = int(hashlib.sha256(f"{number}".encode()).hexdigest()[:6], 16)
    chosen = [words[(start // (k + 1) + k * number) % len(words)] for k in range(length)]
    return joined.join([*chosen, str(number)])


def pair_row(lang: str, number: int, **given: Any) -> dict[str, Any]:
    """A row of a parallel dataset."""
    row: dict[str, Any] = dict.fromkeys(PARALLEL.columns)
    english = given.pop("src_text", text("en", number))
    key = hashlib.sha256(f"{lang} {number}".encode()).hexdigest()[:32]
    row |= {
        "id": key, "content_id": key, "pair": f"en-{lang}", "src_lang": "en", "tgt_lang": lang, "src_text": english,
        "tgt_text": text(lang, number), "corpus": "WikiMatrix", "file": f"WikiMatrix.en-{lang}.tsv", "line": number + 1,
        "license": "CC-BY-SA-4.0", "flags": [], "cluster_id": key, "split": split_of(number),
    }  # fmt: skip
    return row | given


def instruction_row(lang: str, number: int, **given: Any) -> dict[str, Any]:
    """A row of a translated instruction dataset."""
    row: dict[str, Any] = dict.fromkeys(INSTRUCTIONS.columns)
    row |= {
        "id": hashlib.sha256(f"{lang} record {number}".encode()).hexdigest()[:32],
        "source_id": hashlib.sha256(f"record {number}".encode()).hexdigest()[:32],
        "file": "alpaca_data.json", "index": number, "lang": lang, "instruction": text(lang, 10_000 + number, 6),
        "input": text(lang, 20_000 + number) if number % 3 == 0 else "", "output": text(lang, 30_000 + number, 12),
        "license": "CC-BY-NC-4.0", "engine": "" if lang == "en" else "engine", "route": "translate", "flags": [],
        "split": split_of(number),
    }  # fmt: skip
    return row | given


def split_of(number: int) -> str:
    return "validation" if number % 10 == 9 else "test" if number % 25 == 4 else "train"


def publish(folder: Path, kind: Kind, parts: Mapping[str, Sequence[Mapping[str, Any]]]) -> Path:
    """Writes rows by part (a pair, a language) as a published folder with its manifest."""
    declared = kind.folders[kind.published]
    outputs = []
    for part, rows in parts.items():
        for split in ("train", "validation", "test"):
            of = [row for row in rows if row["split"] == split]
            if not of:
                continue
            path = folder / part / f"{split}-00000-of-00001.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.Table.from_pylist(of, schema=declared.arrow()), path)
            outputs.append(written(folder, path, len(of)))
    return describe(folder, kind, outputs)


def describe(folder: Path, kind: Kind, outputs: Sequence[Mapping[str, Any]], **more: Any) -> Path:
    """Writes the manifest of a published folder."""
    manifest = {
        "dataset": kind.name, "version": kind.version, "polyinstruct": "0", "config": {}, "config_sha256": "",
        "inputs": [], "lid_model": {"name": "", "sha256": ""}, "eval": [], "counts": [], "outputs": outputs,
        "content_sha256": hashlib.sha256(json.dumps(outputs).encode()).hexdigest(), "mixtures": {}, "key": "",
        "engine": {"signature": "", "model": "", "license": ""},
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest | more))
    return folder


def written(folder: Path, path: Path, rows: int) -> dict[str, Any]:
    """What the manifest of `folder` says of a file in it."""
    return {
        "path": path.relative_to(folder).as_posix(),
        "rows": rows,
        "bytes": path.stat().st_size,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


def parallel(folder: Path, rows: int = 200, languages: Sequence[str] = ("zh", "el")) -> Path:
    return publish(
        folder,
        datasets.PARALLEL,
        {f"en-{lang}": [pair_row(lang, n) for n in range(rows)] for lang in languages},
    )


def translated(folder: Path, rows: int = 60, languages: Sequence[str] = ("en", "zh", "el")) -> Path:
    return publish(
        folder,
        datasets.TRANSLATED,
        {lang: [instruction_row(lang, n) for n in range(rows)] for lang in languages},
    )


def mi_eval(folder: Path, items: Mapping[str, Sequence[tuple[str, str]]]) -> Path:
    """An evaluation set of (instruction, output) by language."""
    parts = {}
    for lang, of in items.items():
        parts[lang] = [
            dict.fromkeys(MI_EVAL.columns, "")
            | {"id": f"{n:032x}", "lang": lang, "instruction": instruction, "output": output, "split": "test"}
            | {"is_classification": False, "seed_similarity": 0.1, "training_overlap": 0.0, "round": 0}
            for n, (instruction, output) in enumerate(of)
        ]
    return publish(folder, datasets.MI_EVAL, parts)
