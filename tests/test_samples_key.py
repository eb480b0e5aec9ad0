"""The samples' key: every planted row falls for its listed reason, every other row is kept."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from schemas.reasons import REASONS

SAMPLES = Path(__file__).parent.parent / "samples"
Place = tuple[str, int]


@pytest.fixture(scope="module")
def key() -> dict[Place, dict[str, Any]]:
    lines = (SAMPLES / "key.jsonl").read_text(encoding="utf-8").split("\n")
    return {(entry["file"], entry["line"]): entry for entry in map(json.loads, filter(None, lines))}


@pytest.fixture(scope="module")
def rows(built_samples: Path) -> dict[Place, dict[str, Any]]:
    """All rows of the built samples, kept (reason null) and rejected, by file and line."""
    columns = ["file", "line", "cluster_id", "src_text", "tgt_text"]
    found: dict[Place, dict[str, Any]] = {}
    for folder in ("parallel", "rejected"):
        for path in sorted((built_samples / folder).glob("*/*.parquet")):
            wanted = columns if folder == "parallel" else [*columns, "reason"]
            for row in pq.read_table(path, columns=wanted).to_pylist():
                place = (row["file"], row["line"])
                assert place not in found, f"{place} comes out twice"
                found[place] = {"reason": None} | row
    return found


def test_each_row_falls_for_its_listed_reason(
    rows: dict[Place, dict[str, Any]], key: dict[Place, dict[str, Any]]
) -> None:
    deviations = [f"{file}:{line}: is nowhere" for file, line in sorted(key.keys() - rows.keys())]
    for (file, line), row in sorted(rows.items()):
        entry = key.get((file, line), {"reason": None, "what": "clean"})
        if row["reason"] != entry["reason"]:
            deviations.append(
                f"{file}:{line}: {row['reason'] or 'kept'}, not {entry['reason'] or 'kept'} ({entry['what']}): "
                f"{row['src_text']!r} | {row['tgt_text']!r}"
            )
    assert not deviations, f"{len(deviations)} deviations from the key:\n" + "\n".join(deviations)


def test_the_better_of_two_duplicates_stays(
    rows: dict[Place, dict[str, Any]], key: dict[Place, dict[str, Any]]
) -> None:
    deviations = []
    for (file, line), entry in sorted(key.items()):
        if "survivor" not in entry:
            continue
        survivor = rows[entry["survivor"]["file"], entry["survivor"]["line"]]
        if survivor["reason"] is not None:
            deviations.append(
                f"{file}:{line}: its better row {entry['survivor']} fell too, for {survivor['reason']}"
            )
        elif "duplicate" in entry["reason"] and rows[file, line]["cluster_id"] != survivor["cluster_id"]:
            deviations.append(f"{file}:{line}: is not in the cluster of its better row {entry['survivor']}")
    assert not deviations, "\n".join(deviations)


def test_every_reason_is_planted(key: dict[Place, dict[str, Any]]) -> None:
    planted = [entry["reason"] for entry in key.values()]
    rare = [reason for reason in REASONS if reason != "license" and planted.count(reason) < 2]
    assert not rare, f"planted less than twice: {', '.join(rare)}"
    assert set(planted) <= {None, *REASONS}


def test_make_samples_remakes_the_committed_files(tmp_path: Path) -> None:
    outputs = [tmp_path / "one", tmp_path / "two"]
    for output in outputs:
        subprocess.run([sys.executable, SAMPLES / "make_samples.py", "--output", output], check=True)
    one, two = (
        {path.relative_to(o).as_posix(): path for path in o.rglob("*") if path.is_file()} for o in outputs
    )
    committed = {path.relative_to(SAMPLES).as_posix() for path in (SAMPLES / "corpora").iterdir()} | {
        "key.jsonl"
    }
    assert one.keys() == two.keys() == committed
    for name in sorted(committed):
        assert one[name].read_bytes() == two[name].read_bytes(), f"{name} differs from run to run"
        assert contents(one[name]) == contents(SAMPLES / name), (
            f"{name}: make_samples.py makes it otherwise; run it"
        )


def contents(path: Path) -> object:
    """What a file holds: compressed bytes depend on the version of zlib, what is packed does not."""
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return [
                (member.filename, member.date_time, archive.read(member)) for member in archive.infolist()
            ]
    return path.read_bytes()
