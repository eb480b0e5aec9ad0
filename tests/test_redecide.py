"""Deciding again comes to what a build with the same thresholds comes to, and a dry run changes nothing."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from job_process import DEMO, Builder, RunHere, digests, errors, run
from pyspark.sql import SparkSession

import jobs.diff
import jobs.redecide
from pipelines.difference import Change, decided_rows, difference, entering, leaving
from pipelines.errors import UserError
from pipelines.redecide import check, preview, redecide
from pipelines.shards.published import open_parallel
from quality.differences import write_page
from quality.findings import AuditError
from quality.parallel_publishing import completing
from schemas.loading import ConfigError, change_config, load_config

OTHERWISE = ("thresholds.length_ratio.max=1.3", "dedup.near.threshold=0.95", "splits.test=0.2")


@pytest.fixture(scope="module")
def otherwise(build_with: Builder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The samples, built with other thresholds."""
    output = tmp_path_factory.mktemp("otherwise") / "out"
    build_with(load_config(DEMO, OTHERWISE, output=str(output)))
    return output


def test_deciding_again_is_building_again(
    spark: SparkSession, built_samples: Path, otherwise: Path, tmp_path: Path
) -> None:
    shutil.copytree(built_samples, tmp_path / "out")
    dataset = open_parallel(tmp_path / "out")
    config = change_config(dataset.config, OTHERWISE)
    expected = difference(decided_rows(spark, dataset), decided_rows(spark, open_parallel(otherwise)))
    before = digests(tmp_path / "out")
    assert preview(spark, dataset, config, tmp_path / "decisions") == expected
    assert entering(expected.changes) > 0
    assert leaving(expected.changes) > 0
    assert "changed" in {change.after for change in expected.changes}  # rows that went to the test split
    assert digests(tmp_path / "out") == before
    assert not (tmp_path / "decisions").exists()

    redecide(lambda: spark, dataset, config, {})
    after, built = (
        {k: v for k, v in digests(out).items() if k.endswith(".parquet")}
        for out in (tmp_path / "out", otherwise)
    )
    assert after == built
    manifests = [json.loads((out / "manifest.json").read_text()) for out in (tmp_path / "out", otherwise)]
    assert manifests[0]["content_sha256"] == manifests[1]["content_sha256"]
    assert manifests[0]["counts"] == manifests[1]["counts"]
    assert manifests[0]["inputs"] == manifests[1]["inputs"]


def test_an_outcome_that_fails_its_audit_leaves_the_old_output_as_it_is(
    spark: SparkSession, built_samples: Path, tmp_path: Path
) -> None:
    shutil.copytree(built_samples, tmp_path / "out")
    dataset = open_parallel(tmp_path / "out")
    before = digests(tmp_path / "out")

    def decide(*overrides: str) -> None:
        config = change_config(dataset.config, ["thresholds.length.min_words=3", *overrides])
        redecide(lambda: spark, dataset, config, completing(config))

    with pytest.raises(AuditError, match="kept_share"):
        decide("audit.kept_share.min=0.999")
    assert digests(tmp_path / "out") == before
    decide("audit.kept_share={min: 0.999, severity: warning}")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert "kept_share" in {found["column"] for found in manifest["audit"]["warnings"]}
    assert manifest["config"]["thresholds"]["length"]["min_words"] == 3
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Fertility of the base tokenizer" in page  # whose place the manifest remembers
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_nothing_differs_from_itself(spark: SparkSession, built_samples: Path) -> None:
    rows = decided_rows(spark, open_parallel(built_samples))
    found = difference(rows, rows)
    assert (found.changes, found.samples) == ((), ())
    assert found.unchanged == rows.count()


def test_rows_that_are_in_one_dataset_only_are_absent_from_the_other(
    spark: SparkSession, built_samples: Path, tmp_path: Path
) -> None:
    dataset = open_parallel(built_samples)
    rows = decided_rows(spark, dataset)
    turkish = rows.where("pair = 'en-tr' and reason is null")
    found = difference(rows.where("not (pair = 'en-tr' and reason is null)"), rows)
    assert found.changes == (Change("en-tr", "absent", "kept", turkish.count()),)
    write_page(tmp_path / "page.html", found, "old", "<new>", dataset.config)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert f"<b>{turkish.count():,}</b> rows enter" in page
    assert "&lt;new&gt;" in page
    assert found.samples[0]["src_text"] in page
    assert re.search(
        rf'<th scope="row">en-tr</th><td class="n">{turkish.count()}</td>\s*<td><code>absent</code></td>'
        r"<td><code>kept</code></td>",
        page,
    )


@pytest.mark.parametrize(
    "key",
    [
        "pairs=[en-tr]",
        "dedup.near.bands=8",
        "eval.words=6",
        "sources.limit=5",
        "output=elsewhere",
        "licenses.known.Guides=MIT",
    ],
)
def test_what_scores_depend_on_cannot_be_decided_again(built_samples: Path, key: str) -> None:
    dataset = open_parallel(built_samples)
    with pytest.raises(UserError, match="cannot be decided again"):
        check(dataset, change_config(dataset.config, [key]))


def test_a_published_folder_cannot_be_decided_on_again(built_samples: Path) -> None:
    published = open_parallel(built_samples / "parallel")
    with pytest.raises(UserError, match="without the scored rows"):
        check(published, published.config)


def test_mistaken_keys_are_told(built_samples: Path) -> None:
    config = open_parallel(built_samples).config
    with pytest.raises(ConfigError, match=r"thresholds\.margin\.mni.*did you mean thresholds\.margin\.min"):
        change_config(config, ["thresholds.margin.mni=1.1"])


def test_the_jobs_say_what_changes(
    run_here: RunHere, built_samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(built_samples, tmp_path / "out")
    given = (tmp_path / "out", "--set", "thresholds.length.min_words=1")
    assert run_here(jobs.redecide, *given, "--dry-run") == 0
    assert "too_short -> kept" in capsys.readouterr().out
    assert digests(tmp_path / "out") == digests(built_samples)
    (fault,) = errors(run(tmp_path / "out", "--set", "dedup.near.bands=4", "--dry-run", job="redecide"))
    assert fault.startswith("dedup.near.bands: cannot be decided again")
    page = tmp_path / "page.html"
    assert run_here(jobs.diff, built_samples, tmp_path / "out", "--output", page) == 0
    assert "0 rows enter, 0 leave" in capsys.readouterr().out
    assert "Nothing differs." in page.read_text()
