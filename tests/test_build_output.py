"""What a build of the samples publishes: columns, counts, files, manifests, card."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from datasets import Features
from huggingface_hub import DatasetCard

from pipelines.normalize import normalize
from schemas.parallel import PARALLEL, REJECTED, SCORED
from schemas.reasons import REASONS

CORPORA = Path(__file__).resolve().parent.parent / "samples" / "corpora"
PAIRS = {"en-ar", "en-el", "en-hi", "en-tr", "en-vi", "en-zh"}
CAPS = ("hub", "source_cap", "target_cap")
SPLITS = ("train", "validation", "test")
# the columns that the issue promises, in every row
PROMISED = {
    *(
        "id",
        "content_id",
        "pair",
        "src_lang",
        "tgt_lang",
        "src_text",
        "tgt_text",
        "corpus",
        "file",
        "line",
        "doc",
    ),
    *("license", "margin", "lid_src", "lid_src_prob", "lid_tgt", "lid_tgt_prob", "cluster_id"),
    *("src_length", "tgt_length", "length_ratio", "longest_word", "alphabet_share", "digit_share"),
    *("src_script_share", "tgt_script_share", "copy", "number_overlap", "url_mismatch", "bracket_mismatch"),
    *("terminal_mismatch", "repetition", "markup", "title_case", "listing", "zh_script", "flags"),
}

Rows = list[dict[str, Any]]
Manifest = dict[str, Any]


def files_of(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.parquet"))


@pytest.fixture(scope="module")
def kept(built_samples: Path) -> Rows:
    return [
        row
        for path in files_of(built_samples / "parallel")
        for row in pq.ParquetFile(path).read().to_pylist()
    ]


@pytest.fixture(scope="module")
def rejected(built_samples: Path) -> Rows:
    return [
        row
        for path in files_of(built_samples / "rejected")
        for row in pq.ParquetFile(path).read().to_pylist()
    ]


def raw_lines(name: str) -> dict[int, tuple[str, str]]:
    """The two texts, English first, of each well-formed line of a sample corpus, read by this test's own means."""
    english, other = re.search(r"\.([a-z]{2})-([a-z]{2})\.", name).groups()  # type: ignore[union-attr]
    if name.endswith(".zip"):
        with zipfile.ZipFile(CORPORA / name) as archive:
            members = {member[-2:]: archive.read(member).decode() for member in archive.namelist()}
        sides = [members[code].split("\n") for code in (english, other)]
        lines = dict(enumerate(zip(*sides, strict=True), start=1))
    else:
        text = gzip.decompress((CORPORA / name).read_bytes()).decode("utf-8", "surrogateescape")
        fields = 3 if name.startswith("WikiMatrix") else 2
        cells = {
            n: line.split("\t")[-2:]
            for n, line in enumerate(text.split("\n"), start=1)
            if line.count("\t") == fields - 1
        }
        lines = {n: (cell[0], cell[1]) for n, cell in cells.items()}
    return lines if english == "en" else {n: (b, a) for n, (a, b) in lines.items()}


# --- columns and files ---------------------------------------------------------------------------------------------


def test_kept_and_rejected_rows_carry_the_promised_columns(kept: Rows, rejected: Rows) -> None:
    assert PROMISED | {"split"} <= kept[0].keys()
    assert PROMISED | {"reason", "detail"} <= rejected[0].keys()


@pytest.mark.parametrize(
    ("folder", "dataset"), [("parallel", PARALLEL), ("rejected", REJECTED), ("scored", SCORED)], ids=str
)
def test_files_have_the_declared_schema(built_samples: Path, folder: str, dataset: Any) -> None:
    found = files_of(built_samples / folder)
    assert found
    for path in found:
        assert pq.read_schema(path).equals(dataset.arrow()), path


def test_values_keep_to_the_declared_constraints(kept: Rows, rejected: Rows) -> None:
    broken = []
    for rows, dataset in ((kept, PARALLEL), (rejected, REJECTED)):
        for field in dataset.fields:
            values = [row[field.name] for row in rows]
            present = [value for value in values if value is not None]
            if not field.nullable and len(present) < len(values):
                broken.append(f"{dataset.name}.{field.name}: null")
            if field.minimum is not None and min(present, default=field.minimum) < field.minimum:
                broken.append(f"{dataset.name}.{field.name}: {min(present)} < {field.minimum}")
            if field.maximum is not None and max(present, default=field.maximum) > field.maximum:
                broken.append(f"{dataset.name}.{field.name}: {max(present)} > {field.maximum}")
            if field.values is not None and not set(present) <= set(field.values):
                broken.append(f"{dataset.name}.{field.name}: {set(present) - set(field.values)}")
    assert not broken


def test_files_bear_the_published_names(built_samples: Path) -> None:
    names = [path.relative_to(built_samples).as_posix() for path in files_of(built_samples)]
    published = [name for name in names if not name.startswith("scored/")]
    pattern = r"(parallel/en-\w\w/(train|validation|test)|rejected/en-\w\w/part)-(\d{5})-of-(\d{5})\.parquet"
    matches = [re.fullmatch(pattern, name) for name in published]
    assert all(matches), [name for name, match in zip(published, matches, strict=True) if not match]
    assert {Path(name).parts[1] for name in names} == PAIRS
    for name, match in zip(published, matches, strict=True):
        assert match is not None
        siblings = [other for other in published if other.rsplit("-", 3)[0] == name.rsplit("-", 3)[0]]
        assert int(match[3]) < int(match[4]) == len(siblings)


def test_only_what_is_promised_stands_in_the_output(built_samples: Path) -> None:
    assert {path.name for path in built_samples.iterdir()} == {
        "manifest.json",
        "parallel",
        "rejected",
        "scored",
    }
    files = {path.name for path in (built_samples / "parallel").iterdir()}
    assert files == {"manifest.json", "README.md"} | PAIRS
    leftovers = [path for path in built_samples.rglob("*") if path.name.startswith((".", "_"))]
    assert not leftovers
    assert [path.name for path in built_samples.parent.iterdir()] == ["out"]  # no staging is left beside it


@pytest.mark.parametrize("folder", ["parallel", "rejected"])
def test_shards_are_zstd_with_a_page_index_and_small_row_groups(built_samples: Path, folder: str) -> None:
    for path in files_of(built_samples / folder):
        metadata = pq.read_metadata(path)
        for group in (metadata.row_group(n) for n in range(metadata.num_row_groups)):
            assert group.num_rows > 0
            assert group.total_byte_size <= 100 << 20
            for column in (group.column(n) for n in range(group.num_columns)):
                assert column.compression == "ZSTD", (path, column.path_in_schema)
                assert column.has_offset_index, (path, column.path_in_schema)
        assert metadata.row_group(0).column(0).has_column_index, path


# --- counts --------------------------------------------------------------------------------------------------------


def test_read_is_kept_plus_rejected_and_equals_the_files(
    sample_manifest: Manifest, kept: Rows, rejected: Rows
) -> None:
    in_files: dict[tuple[str, str], Counter[str | None]] = {}
    for row in kept + rejected:
        in_files.setdefault((row["corpus"], row["pair"]), Counter())[row.get("reason")] += 1
    counts = {(count["corpus"], count["pair"]): count for count in sample_manifest["counts"]}
    assert counts.keys() == in_files.keys()
    for key, count in counts.items():
        assert count["read"] == count["kept"] + sum(count["rejected"].values()), key
        assert {None: count["kept"], **count["rejected"]} == dict(in_files[key]), key
    assert {reason for count in counts.values() for reason in count["rejected"]} <= REASONS.keys()


def test_every_line_of_every_file_comes_out_once(
    sample_manifest: Manifest, kept: Rows, rejected: Rows
) -> None:
    out = Counter((row["file"], row["line"]) for row in kept + rejected)
    assert max(out.values()) == 1
    for source in sample_manifest["inputs"]:
        lines = {line for file, line in out if file == source["path"]}
        assert len(lines) == source["rows"], source["path"]
        if source["path"].endswith(".tsv.gz"):
            text = gzip.decompress((CORPORA / source["path"]).read_bytes())
            physical = text.removesuffix(b"\n").split(b"\n")
            blank = {n for n, line in enumerate(physical, start=1) if not line.strip(b"\t\r")}
            if not source["path"].startswith("news-commentary"):
                blank = set()
            assert source["separators"] == len(blank)
            assert lines == set(range(1, len(physical) + 1)) - blank, source["path"]
    assert {source["path"] for source in sample_manifest["inputs"]} == {
        path.name for path in CORPORA.iterdir()
    }


def test_separators_part_the_documents_of_news_commentary(
    sample_manifest: Manifest, kept: Rows, rejected: Rows
) -> None:
    news = [source for source in sample_manifest["inputs"] if source["corpus"] == "News-Commentary"]
    assert len(news) == 3
    for source in news:
        assert source["separators"] > 0
        text = gzip.decompress((CORPORA / source["path"]).read_bytes()).decode()
        doc, seen, expected = 1, False, {}
        for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
            if line.strip("\t\r"):
                expected[number], seen = doc, True
            elif seen:
                doc, seen = doc + 1, False
        found = {row["line"]: row["doc"] for row in kept + rejected if row["file"] == source["path"]}
        assert found == expected
    others = {row["doc"] for row in kept + rejected if row["corpus"] != "News-Commentary"}
    assert others == {None}


def test_only_wikimatrix_has_margins_and_they_are_those_of_the_file(kept: Rows, rejected: Rows) -> None:
    name = "WikiMatrix.en-tr.tsv.gz"
    text = gzip.decompress((CORPORA / name).read_bytes()).decode("utf-8", "replace")
    raw = {number: line.split("\t")[0] for number, line in enumerate(text.split("\n"), start=1)}
    for row in kept + rejected:
        if row["corpus"] != "WikiMatrix":
            assert row["margin"] is None
        elif row["file"] == name and row.get("reason") != "malformed_line":
            assert row["margin"] == float(raw[row["line"]])


# --- ids -----------------------------------------------------------------------------------------------------------


def test_ids_are_unique(kept: Rows, rejected: Rows, built_samples: Path) -> None:
    ids = [row["id"] for row in kept + rejected]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[0-9a-f]{32}", value) for value in ids)
    scored = [pq.ParquetFile(path).read(["id"]) for path in files_of(built_samples / "scored")]
    assert sorted(ids) == sorted(pa.concat_tables(scored).column("id").to_pylist())


def test_kept_contents_are_unique(kept: Rows) -> None:
    contents = [row["content_id"] for row in kept]
    assert len(set(contents)) == len(contents)


@pytest.mark.parametrize(
    "name",
    [
        "WikiMatrix.ar-en.tsv.gz",
        "WikiMatrix.en-zh.tsv.gz",
        "news-commentary-v18.en-hi.tsv.gz",
        "Everyday.el-en.txt.zip",
    ],
)
def test_ids_can_be_made_again_from_the_raw_lines(kept: Rows, rejected: Rows, name: str) -> None:
    def digest(*parts: object) -> str:
        return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:32]

    raw = raw_lines(name)
    rows = [row for row in kept + rejected if row["file"] == name and row.get("reason") != "malformed_line"]
    assert len(rows) > 50
    for row in rows:
        src, tgt = raw[row["line"]]
        assert row["id"] == digest(row["corpus"], name, row["line"], src, tgt), row
        assert (row["src_text"], row["tgt_text"]) == (normalize(src), normalize(tgt))
        assert row["content_id"] == digest(row["pair"], row["src_text"], row["tgt_text"]), row


def test_pairs_are_english_first_whatever_the_file_says(kept: Rows, rejected: Rows) -> None:
    for row in kept + rejected:
        assert row["src_lang"] == "en"
        assert row["pair"] == f"en-{row['tgt_lang']}"
        assert set(re.search(r"\.(\w\w)-(\w\w)\.", row["file"]).groups()) == {"en", row["tgt_lang"]}  # type: ignore[union-attr]


# --- duplicates and splits -----------------------------------------------------------------------------------------


def test_each_cluster_is_represented_by_one_kept_row(kept: Rows, rejected: Rows) -> None:
    assert all(row["cluster_id"] == row["content_id"] for row in kept)
    contents = {(row["pair"], row["content_id"]) for row in kept}
    # a survivor may fall to a cap afterwards, but then it is the cap that says so
    capped = {(row["pair"], row["content_id"]) for row in rejected if row["reason"] in CAPS}
    duplicates = [row for row in rejected if row["reason"] in ("exact_duplicate", "near_duplicate")]
    assert len(duplicates) > 10
    for row in duplicates:
        assert (row["pair"], row["cluster_id"]) in contents | capped, row
        assert (row["cluster_id"] == row["content_id"]) <= (row["reason"] == "exact_duplicate")


def test_no_english_text_and_no_cluster_stands_in_two_splits(kept: Rows) -> None:
    splits: dict[str, set[str]] = {}
    pairs: dict[str, set[str]] = {}
    for row in kept:
        english = re.sub(r"\W+", "", row["src_text"].casefold())
        for key in (english, row["cluster_id"]):
            splits.setdefault(key, set()).add(row["split"])
        pairs.setdefault(english, set()).add(row["pair"])
    assert not [key for key, found in splits.items() if len(found) > 1]
    assert sum(len(found) > 1 for found in pairs.values()) > 100  # or this test would look at nothing


def test_rows_stand_in_the_file_of_their_pair_and_split(built_samples: Path) -> None:
    for path in files_of(built_samples / "parallel"):
        table = pq.ParquetFile(path).read(["pair", "split"])
        assert pc.unique(table.column("pair")).to_pylist() == [path.parent.name]
        assert pc.unique(table.column("split")).to_pylist() == [path.name.split("-")[0]]


# --- manifests -----------------------------------------------------------------------------------------------------


def test_manifest_names_every_input_with_its_size_and_checksum(sample_manifest: Manifest) -> None:
    assert {
        *["version", "config", "config_sha256", "inputs", "counts", "outputs", "content_sha256"]
    } <= sample_manifest.keys()
    for source in sample_manifest["inputs"]:
        assert {"corpus", "pair", "path", "bytes", "sha256", "rows", "separators"} <= source.keys()
        data = (CORPORA / source["path"]).read_bytes()
        assert source["bytes"] == len(data)
        assert source["sha256"] == hashlib.sha256(data).hexdigest()
    identity = json.dumps(sample_manifest["config"], sort_keys=True).encode()
    assert sample_manifest["config_sha256"] == hashlib.sha256(identity).hexdigest()


def test_manifest_names_every_parquet_file_with_rows_size_and_checksum(
    built_samples: Path, sample_manifest: Manifest
) -> None:
    outputs = {file["path"]: file for file in sample_manifest["outputs"]}
    assert len(outputs) == len(sample_manifest["outputs"])
    assert outputs.keys() == {path.relative_to(built_samples).as_posix() for path in files_of(built_samples)}
    for name, file in outputs.items():
        data = (built_samples / name).read_bytes()
        rows = pq.read_metadata(built_samples / name).num_rows
        assert rows > 0
        assert (file["bytes"], file["rows"]) == (len(data), rows), name
        assert file["sha256"] == hashlib.sha256(data).hexdigest(), name


def test_published_manifest_has_relative_paths_and_no_times(
    built_samples: Path, sample_manifest: Manifest
) -> None:
    text = (built_samples / "parallel" / "manifest.json").read_text(encoding="utf-8")
    published = json.loads(text)
    for file in published["outputs"]:
        assert (built_samples / "parallel" / file["path"]).stat().st_size == file["bytes"]
    assert len(published["outputs"]) == len(files_of(built_samples / "parallel"))
    for key in ("version", "config_sha256", "inputs", "counts", "content_sha256"):
        assert published[key] == sample_manifest[key]
    absolute = [
        value for value in strings(published) if value.startswith(("/", "~", "file:")) or "\\" in value
    ]
    assert not absolute
    assert str(CORPORA.parent) not in text
    assert str(built_samples) not in text
    times = [key for key in keys(published) if re.search(r"second|time|date|environment|host|user", key)]
    assert not times
    assert not re.search(r"\b20\d\d-\d\d-\d\d", text)


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in strings(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in strings(inner)]
    return [value] if isinstance(value, str) else []


def keys(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(key for inner in value.values() for key in keys(inner))]
    return [key for inner in value for key in keys(inner)] if isinstance(value, list) else []


# --- the published folder ------------------------------------------------------------------------------------------


def test_card_is_valid_and_its_configs_point_at_all_files(built_samples: Path) -> None:
    folder = built_samples / "parallel"
    card = DatasetCard.load(folder / "README.md")
    data = card.data.to_dict()
    configs = {config["config_name"]: config["data_files"] for config in data["configs"]}
    assert configs.keys() == PAIRS
    found = {path for files in configs.values() for file in files for path in folder.glob(file["path"])}
    assert found == set(files_of(folder))
    for pair, files in configs.items():
        for file in files:
            assert file["split"] in SPLITS
            matched = list(folder.glob(file["path"]))
            assert matched
            assert all(p.parent.name == pair and p.name.startswith(f"{file['split']}-") for p in matched)
    assert set(data["language"]) == {"en", "ar", "el", "hi", "tr", "vi", "zh"}
    assert data["license"] == "cc0-1.0"  # the Hub's spelling; every sample corpus has it
    assert data["size_categories"] in (["1K<n<10K"], "1K<n<10K")
    for name in PARALLEL.columns:
        assert f"`{name}`" in card.text
    assert "all rows come under `CC0-1.0`" in card.text
    for info in data["dataset_info"]:
        features = Features._from_yaml_list(info["features"])
        assert features == Features.from_arrow_schema(PARALLEL.arrow())
        told = {split["name"]: split["num_examples"] for split in info["splits"]}
        shards = list((folder / info["config_name"]).glob("*.parquet"))
        assert sum(told.values()) == sum(pq.read_metadata(shard).num_rows for shard in shards)
        assert info["download_size"] == sum(shard.stat().st_size for shard in shards)
    assert str(built_samples) not in card.content


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streaming"])
def test_the_published_folder_loads_with_datasets(
    built_samples: Path,
    sample_manifest: Manifest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    streaming: bool,
) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    folder = str(built_samples / "parallel")
    loaded = datasets.load_dataset(folder, "en-zh", streaming=streaming, cache_dir=str(tmp_path))
    expected: Counter[str] = Counter()
    for file in sample_manifest["outputs"]:
        kind, pair, name = Path(file["path"]).parts
        if (kind, pair) == ("parallel", "en-zh"):
            expected[name.split("-")[0]] += file["rows"]
    found = {split: sum(1 for _ in rows) if streaming else len(rows) for split, rows in loaded.items()}
    assert found == dict(expected)
    row = next(iter(loaded["train"]))
    assert list(row) == PARALLEL.columns
    assert row["pair"] == "en-zh"
    assert datasets.get_dataset_config_names(folder) == sorted(PAIRS)


def test_content_sha256_is_over_the_kept_rows(sample_manifest: Manifest, kept: Rows) -> None:
    """Chunk by chunk, in order of pair and input: here one chunk for each input, in the order of the manifest."""
    inputs = sample_manifest["inputs"]
    digests = []
    for _, source in sorted(enumerate(inputs), key=lambda item: (item[1]["pair"], item[0])):
        rows = sorted(
            (row for row in kept if row["file"] == source["path"] and row["pair"] == source["pair"]),
            key=lambda row: row["line"],
        )
        text = "\n".join(f"{row['id']} {row['content_id']} {row['split']}" for row in rows)
        digests.append(hashlib.sha256(text.encode()).hexdigest())
    whole = hashlib.sha256("\n".join(digests).encode()).hexdigest()
    assert sample_manifest["content_sha256"] == whole
