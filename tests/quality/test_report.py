"""The report says what the manifest says, shows texts as texts, and stays small."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from job_process import DEMO, Builder
from pyspark.sql import SparkSession

from pipelines.errors import UserError
from pipelines.shards.published import BuiltDataset, open_parallel
from quality import parallel_report as report
from quality.fertility import fertility, load_tokenizer
from quality.findings import Audit, Finding
from quality.parallel_audit import audit
from quality.parallel_report import write_report
from quality.statistics import BINS, MEASURES, Statistics, statistics
from schemas.languages import LANGUAGES
from schemas.loading import load_config
from schemas.reasons import REASONS

TOKENIZER = DEMO.parent.parent / "samples" / "tokenizer.model"
EVIL = "<script>alert('x')</script> The ferry leaves at noon & returns at night."


class Page(HTMLParser):
    """The elements of a page with their attributes, the text of the page, and what is left open."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "path"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "path":
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def dataset(built_samples: Path) -> BuiltDataset:
    return open_parallel(built_samples)


@pytest.fixture(scope="module")
def found(spark: SparkSession, dataset: BuiltDataset) -> Statistics:
    return statistics(spark, dataset)


def written(path: Path, dataset: BuiltDataset, found: Statistics, audited: Audit = Audit(())) -> str:  # noqa: B008
    measured = fertility(found.samples, load_tokenizer(TOKENIZER), ["zh"])
    write_report(path, dataset.manifest, dataset.config, audited, found, measured)
    return path.read_text(encoding="utf-8")


def test_every_row_is_in_every_distribution_it_has_a_score_for(
    dataset: BuiltDataset, found: Statistics
) -> None:
    for pair in dataset.config.pairs:
        counts = [count for count in dataset.manifest["counts"] if count["pair"] == pair]
        kept = sum(count["kept"] for count in counts)
        for measure in MEASURES:
            rows = int(found.kept[pair, measure.name].sum())
            mined = sum(count["kept"] for count in counts if count["corpus"] == "WikiMatrix")
            assert rows == (mined if measure.name == "margin" else kept)


def test_samples_are_of_each_reason_and_the_same_each_time(
    spark: SparkSession, dataset: BuiltDataset, found: Statistics
) -> None:
    reasons = {
        (count["pair"], reason) for count in dataset.manifest["counts"] for reason in count["rejected"]
    }
    assert set(found.samples) == reasons | {(pair, "kept") for pair in dataset.config.pairs}
    assert statistics(spark, dataset).samples == found.samples


def test_duplicate_clusters_add_up(dataset: BuiltDataset, found: Statistics) -> None:
    copies = sum(
        count["rejected"].get(reason, 0)
        for count in dataset.manifest["counts"]
        for reason in ("exact_duplicate", "near_duplicate")
    )
    assert sum((size - 1) * number for size, number in found.clusters.items()) == copies > 0


def test_the_page_is_whole_offline_and_says_what_the_manifest_says(
    dataset: BuiltDataset, found: Statistics, tmp_path: Path
) -> None:
    page = Page(written(tmp_path / "report.html", dataset, found))
    assert page.open == []
    assert not [tag for tag, _ in page.elements if tag in ("script", "link", "img", "iframe")]
    targets = [attributes.get("href") or "" for tag, attributes in page.elements if tag == "a"]
    ids = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    assert {target[1:] for target in targets if target.startswith("#")} <= ids
    assert not [target for target in targets if "//" in target]
    read = sum(count["read"] for count in dataset.manifest["counts"])
    kept = sum(count["kept"] for count in dataset.manifest["counts"])
    assert f"{kept:,} of {read:,} rows kept" in page.text
    for count in dataset.manifest["counts"]:
        assert f"{count['corpus']}: {count['read']:,} read, {count['kept']:,} kept" in " ".join(
            page.text.split()
        )
        assert all(reason in page.text for reason in count["rejected"])
    for source in dataset.manifest["inputs"]:
        assert source["path"] in page.text
    arabic = {attributes.get("dir") for _, attributes in page.elements if attributes.get("lang") == "ar"}
    others = {
        attributes.get("dir")
        for _, attributes in page.elements
        if attributes.get("lang") in ("el", "hi", "zh-Hans")
    }
    assert (arabic, others) == ({"rtl"}, {"ltr"})


def test_a_failed_expectation_is_shown_first(
    dataset: BuiltDataset, found: Statistics, tmp_path: Path
) -> None:
    finding = Finding(
        subject="pairs", expectation="expect_column_values_to_be_between", column="kept_share", success=False,
        severity="warning", meaning="rows kept / rows read", expected="at least 0.9", observed="1 of 6",
        offending=({"pair": "en-zh", "kept_share": 0.8},),
    )  # fmt: skip
    figures = {"kept_share": 0.8, "lid_agreement": 0.995, "balance": None} | dict.fromkeys(
        ("kept", "median_length", "p99_length", "median_tgt_length", "p99_tgt_length"), 7
    )
    audited = Audit((finding,), ({"pair": "en-zh"} | figures,))
    page = Page(written(tmp_path / "report.html", dataset, found, audited))
    text = " ".join(page.text.split())
    assert "audit passed, 1 warning" in text
    assert "at least 0.9 1 of 6: en-zh 0.8" in text
    assert "en-zh70.8000.995–7777" in text.replace(" ", "")


def test_markup_in_a_corpus_stays_text(build_with: Builder, spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    lines = [f"1.09\t{EVIL}\tFeribot \u00f6\u011flen <img src=x onerror=alert(1)> kalkar.\n"]
    lines += [
        "1.09\tThe baker opens before sunrise.\tF\u0131r\u0131nc\u0131 g\u00fcn do\u011fmadan a\u00e7ar.\n"
    ]
    (tmp_path / "in" / "WikiMatrix.en-tr.tsv").write_text("".join(lines), encoding="utf-8")
    config = load_config(
        None, sources__input=str(tmp_path / "in"), output=str(tmp_path / "out"), pairs=["en-tr"]
    )
    build_with(config)
    dataset = open_parallel(tmp_path / "out")
    html = written(tmp_path / "report.html", dataset, statistics(spark, dataset))
    page = Page(html)
    assert EVIL in page.text
    assert "<img src=x onerror=alert(1)>" in page.text
    assert not [tag for tag, _ in page.elements if tag in ("script", "img")]


def test_the_report_stays_below_its_cap(
    dataset: BuiltDataset, found: Statistics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = len(written(tmp_path / "report.html", dataset, found).encode())
    assert whole < report.MAX_BYTES
    monkeypatch.setattr(report, "MAX_BYTES", whole - 1)
    assert len(written(tmp_path / "report.html", dataset, found).encode()) < whole


def test_the_report_of_a_huge_dataset_with_long_names_stays_below_its_cap(
    dataset: BuiltDataset, found: Statistics, tmp_path: Path
) -> None:
    """64 pairs of twelve corpora each, all reasons, long texts, and names as long as a file system allows."""
    pairs = [f"en-{a}{b}" for a in "abcdefgh" for b in "abcdefgh"]
    name = "corpus " * 35
    counts = [
        {"corpus": f"{name}{place}", "pair": pair, "read": 10**9, "kept": 10**9 - 10**6 * len(REASONS)}
        | {"rejected": dict.fromkeys(REASONS, 10**6)}
        for pair in pairs
        for place in range(12)
    ]
    manifest = dataset.manifest | {
        "counts": counts,
        "inputs": [dataset.manifest["inputs"][0] | {"path": f"{name}{place}"} for place in range(3_000)],
        "eval": [{"path": f"{name}{place}", "sha256": "0"} for place in range(10_000)],
    }
    row = next(iter(found.samples.values()))[0] | {"src_text": "\U00010348<" * 50_000, "file": name * 9}
    histograms = {(pair, m.name): np.arange(BINS) for pair in pairs for m in MEASURES}
    samples = {(pair, reason): [row] * 6 for pair in pairs for reason in (*REASONS, "kept")}
    huge = BuiltDataset(dataset.folder, manifest, dataset.config.model_copy(update={"pairs": pairs, "languages": {
        pair[3:]: LANGUAGES["tr"] for pair in pairs
    }}))  # fmt: skip
    html = written(tmp_path / "report.html", huge, Statistics(histograms, histograms, samples, {2: 5}))
    assert 100_000 < len(html.encode()) < report.MAX_BYTES
    assert Page(html).open == []


def test_a_report_of_nothing_kept_and_one_of_nothing_rejected_are_whole(
    build_with: Builder, spark: SparkSession, tmp_path: Path
) -> None:
    """And so are their audits and cards."""
    for name, line in (("nothing kept", "1.01\tThe bus is late today.\tOtobüs bugün geç kaldı.\n"),
                       ("nothing rejected", "1.09\tThe bus is late today.\tOtobüs bugün geç kaldı.\n")):  # fmt: skip
        folder = tmp_path / name
        (folder / "in").mkdir(parents=True)
        (folder / "in" / "WikiMatrix.en-tr.tsv").write_text(line, encoding="utf-8")
        build_with(
            load_config(None, sources__input=str(folder / "in"), output=str(folder / "out"), pairs=["en-tr"])
        )
        dataset = open_parallel(folder / "out")
        audited = audit(spark, dataset, None, None)
        assert not audited.failed
        page = Page(written(folder / "report.html", dataset, statistics(spark, dataset), audited))
        text = " ".join(page.text.split())
        assert ("0 of 1 rows kept" in text) == (name == "nothing kept")
        assert ("No row was rejected." in text) == (name == "nothing rejected")
        card = (folder / "out" / "parallel" / "README.md").read_text(encoding="utf-8")
        assert ("low_margin" in card) == (name == "nothing kept")


def test_fertility_is_that_of_the_tokenizer(found: Statistics, tmp_path: Path) -> None:
    def by_words(texts: list[str]) -> list[int]:
        return [2 * len(text.split()) for text in texts]

    measured = {f.language: f for f in fertility(found.samples, by_words, ["zh"])}
    assert set(measured) == {"en", "ar", "el", "hi", "tr", "vi", "zh"}
    assert (measured["tr"].per_word, measured["en"].per_word, measured["en"].premium) == (2, 2, 1)
    assert measured["zh"].per_word is None
    rows = found.samples["en-tr", "kept"]
    words = [sum(len(row[side].split()) for row in rows) for side in ("tgt_text", "src_text")]
    assert measured["tr"].premium == pytest.approx(words[0] / words[1])
    (tmp_path / "broken.model").write_text(json.dumps({}))
    with pytest.raises(UserError, match=r"report\.tokenizer: .*broken\.model is neither"):
        load_tokenizer(tmp_path / "broken.model")
