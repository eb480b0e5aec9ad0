"""The run configuration: what it takes, and how it says what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.config import RunConfig
from schemas.loading import ConfigError, load_config
from schemas.thresholds import Thresholds, flatten


def written(folder: Path, text: str) -> Path:
    path = folder / "run.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(path: Path | None = None, *overrides: str, **top_level: object) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load_config(path, overrides, **top_level)
    return caught.value.problems


def problems_if_any(path: Path | None, *overrides: str, **top_level: object) -> tuple[str, ...]:
    try:
        load_config(path, overrides, **top_level)
    except ConfigError as error:
        return error.problems
    return ()


def test_no_file_gives_the_defaults() -> None:
    assert load_config(None) == RunConfig()
    assert RunConfig().pairs == ["en-ar", "en-el", "en-hi", "en-tr", "en-vi", "en-zh"]


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    assert load_config(written(tmp_path, "# nothing yet\n")) == RunConfig()


def test_later_beats_earlier_file_then_set_then_options(tmp_path: Path) -> None:
    path = written(tmp_path, "seed: 1\npairs: [en-zh]\nsources: {limit: 10}\n")
    config = load_config(path, ["seed=2", "sources.limit=20", "seed=3"], sources__limit=30)
    assert (config.seed, config.pairs, config.sources.limit) == (3, ["en-zh"], 30)


def test_relative_paths_start_at_the_folder_of_the_file(tmp_path: Path) -> None:
    """At whatever depth: in a section, in a list of sections, in a table."""
    config = load_config(
        written(
            tmp_path,
            "output: ../out\neval: {path: sets}\nflags: {profanity: {tr: words/tr.txt}}\n"
            "sources: {input: /data, corpora: [{name: A, path: a.tsv, format: tsv, src: en, tgt: tr}]}\n",
        ),
        ["lid.model=model.ftz"],
    )
    assert config.output == tmp_path.parent / "out"
    assert config.eval.path == tmp_path / "sets"
    assert config.flags.profanity == {"tr": tmp_path / "words" / "tr.txt"}
    assert config.sources.corpora[0].path == tmp_path / "a.tsv"
    assert config.sources.input == Path("/data")
    assert config.lid.model == Path("model.ftz")  # given on the command line


def test_options_that_are_not_given_change_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, "sources: {limit: 10}\n")
    assert load_config(path, [], sources__limit=None, output=None) == load_config(path)


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("thresholds.margin.min=1.06", "margin.min", 1.06),
        ("thresholds.copy.max=0.5", "copy.max", 0.5),
        ("thresholds.length.max_words=99", "length.max_words", 99),
    ],
)
def test_set_reaches_into_sections(override: str, key: str, value: float) -> None:
    assert flatten(load_config(None, [override]).thresholds.model_dump(by_alias=True))[key] == value


def test_the_value_of_set_is_yaml() -> None:
    config = load_config(
        None,
        ["pairs=[en-zh, en-ar]", "eval.path=", "licenses.allow=[MIT]", "spark={spark.driver.memory: 4g}"],
    )
    assert config.pairs == ["en-zh", "en-ar"]
    assert config.eval.path is None
    assert config.licenses.allow == ["MIT"]
    assert config.spark == {"spark.driver.memory": "4g"}


@pytest.mark.parametrize("override", ["seed", "=3", "", "seed: 3"])
def test_set_without_key_and_value_says_what_was_expected(override: str) -> None:
    (problem,) = problems(None, override)
    assert problem == f"--set {override}: expected key=value"


def test_set_of_a_key_below_a_value_is_a_problem() -> None:
    (problem,) = problems(None, "seed=3", "seed.deeper=4")
    assert problem.startswith("--set seed.deeper=4: ")


def test_set_of_broken_yaml_is_a_problem() -> None:
    (problem,) = problems(None, "pairs=[en-zh")
    assert problem.startswith("--set pairs=[en-zh: ")


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("thresholds.margn.min", "thresholds.margin.min"),
        ("thresholds.margin.minimum", "thresholds.margin.min"),
        ("dedup.near.treshold", "dedup.near.threshold"),
        ("margin.min", "thresholds.margin.min"),
        ("sources.truncated", "sources.on_truncated"),
        ("pair", "pairs"),
        ("thresholds.copy_.max", "thresholds.copy.max"),
    ],
)
def test_an_unknown_key_names_the_nearest_known_one(key: str, nearest: str) -> None:
    (problem,) = problems(None, f"{key}=1")
    named = problem.rsplit("did you mean ", 1)[1].removesuffix("?")
    assert "unknown key" in problem
    assert nearest.startswith(named)
    assert named.split(".")[0] == nearest.split(".")[0]


def test_a_key_like_no_other_is_just_unknown() -> None:
    (problem,) = problems(None, "xyzzy=1")
    assert problem == "configuration: xyzzy: unknown key"


def test_an_unknown_key_inside_a_list_is_named_with_its_place(tmp_path: Path) -> None:
    path = written(tmp_path, "sources:\n  corpora:\n  - {nam: X, path: x, format: tsv, src: en, tgt: zh}\n")
    found = problems(path)
    assert any(
        "sources.corpora.0.nam: unknown key; did you mean sources.corpora.name?" in problem
        for problem in found
    )


def test_every_problem_is_told_at_once_with_file_and_key(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "seed: many\npairs: [zh-en]\nsources: {limit: 0, on_truncated: maybe}\nthresholds: {margin: {min: high}}\n"
        "dedup: {near: {threshold: 2}}\nunknown: 1\n",
    )
    found = problems(path, "oops", "shards.target_mb=0")
    assert "--set oops: expected key=value" in found
    keys = {problem.split(": ")[1] for problem in found if problem.startswith(f"{path}: ")}
    assert keys == {
        *("seed", "pairs", "sources.limit", "sources.on_truncated", "thresholds.margin.min"),
        *("dedup.near.threshold", "shards.target_mb", "unknown"),
    }


def test_what_was_given_is_shown() -> None:
    (problem,) = problems(None, "sources.on_truncated=maybe")
    assert "'maybe'" in problem
    assert "'fail' or 'keep'" in problem


@pytest.mark.parametrize("pair", ["zh-en", "en", "en-en", "EN-zh", "en_zh", "en-", "en-zh-tw", "en-zh "])
def test_a_pair_is_two_codes_english_first(pair: str) -> None:
    (problem,) = problems(None, f"pairs=['{pair}']")
    assert repr(pair) in problem
    assert "English first" in problem


@pytest.mark.parametrize(
    ("pairs", "said"), [("[]", "pairs"), ("[en-zh, en-zh]", "twice"), ("en-zh", "pairs")]
)
def test_pairs_are_a_list_of_different_ones(pairs: str, said: str) -> None:
    (problem,) = problems(None, f"pairs={pairs}")
    assert said in problem


def test_a_language_that_is_not_in_the_table_must_be_described(tmp_path: Path) -> None:
    (problem,) = problems(None, "pairs=[en-xx]")
    assert "languages.xx" in problem
    path = written(
        tmp_path,
        "pairs: [en-xx]\nlanguages:\n  xx: {name: Xish, flores: xxx_Latn, scripts: [Latin], shingle: 4}\n",
    )
    assert load_config(path).language("xx").shingle == 4


def test_a_known_language_may_be_given_other_values(tmp_path: Path) -> None:
    path = written(
        tmp_path, "languages:\n  zh: {name: Chinese, flores: zho_Hant, scripts: [Han], spaced: false}\n"
    )
    assert load_config(path).language("zh").flores == "zho_Hant"
    assert RunConfig().language("zh").flores == "zho_Hans"


@pytest.mark.parametrize(
    ("splits", "good"),
    [("{validation: 0.5, test: 0.5}", False), ("{validation: 0, test: 0}", True), ("{test: 0.98}", True)],
)
def test_splits_must_leave_something_to_train_on(splits: str, good: bool) -> None:
    if good:
        assert load_config(None, [f"splits={splits}"])
    else:
        (problem,) = problems(None, f"splits={splits}")
        assert "splits: " in problem
        assert "train" in problem


@pytest.mark.parametrize("value", ["-0.1", "1", "1.5", "few"])
def test_the_share_of_a_split_lies_in_zero_to_one(value: str) -> None:
    (problem,) = problems(None, f"splits.test={value}")
    assert "splits.test" in problem


@pytest.mark.parametrize("output", ["s3://bucket/out", "hdfs://host/out", "file:///tmp/out"])
def test_an_output_that_is_no_path_is_refused_in_one_sentence(output: str) -> None:
    (problem,) = problems(None, output=output)
    assert (
        problem
        == f"configuration: output: only local or mounted paths can be written for now (got {output!r})"
    )


def test_an_unknown_threshold_in_an_override_or_in_strict_is_named(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "overrides:\n- {corpus: A, thresholds: {margin: {min: 1.1}}}\n- {pair: en-zh, thresholds: {margn: {min: 1}}}\n"
        "strict: {lid: {min_scr: 0.5}}\n",
    )
    text = "\n".join(problems(path))
    assert "overrides.1.thresholds.margn.min: unknown threshold; did you mean margin.min?" in text
    assert "strict.lid.min_scr: unknown threshold; did you mean lid.min_src?" in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1, 2]", "expected keys and values"),
        ("just text", "expected keys and values"),
        ("a: [", "no valid YAML"),
    ],
)
def test_a_file_that_is_no_configuration_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    (problem,) = problems(path)
    assert problem.startswith(f"{path}: ")
    assert said in problem


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path / "nowhere.yaml")
    assert str(tmp_path / "nowhere.yaml") in problem
    (tmp_path / "latin.yaml").write_bytes("name: caf\xe9".encode("latin-1"))
    (problem,) = problems(tmp_path / "latin.yaml")
    assert str(tmp_path / "latin.yaml") in problem
    (problem,) = problems(tmp_path)
    assert str(tmp_path) in problem


def test_yaml_from_strangers_makes_no_objects(tmp_path: Path) -> None:
    mark = tmp_path / "made"
    path = written(tmp_path, f"seed: !!python/object/apply:os.mkdir ['{mark}']\n")
    assert len(problems(path)) == 1
    assert not mark.exists()


def test_a_configuration_does_not_change() -> None:
    with pytest.raises(ValidationError):
        RunConfig().seed = 3  # type: ignore[misc]


def test_the_fingerprint_is_of_what_the_output_depends_on(tmp_path: Path) -> None:
    plain = load_config(None).sha256()
    assert load_config(None, ["spark={spark.ui.enabled: 'true'}"], output=tmp_path).sha256() == plain
    assert load_config(None, ["fetch.retries=9"]).sha256() == plain
    changed = [
        "seed=1",
        "thresholds.copy.max=0.6",
        "pairs=[en-zh]",
        "chinese.scripts=[Hans]",
        "splits.test=0.02",
    ]
    assert len({plain, *(load_config(None, [change]).sha256() for change in changed)}) == len(changed) + 1


THRESHOLDS = sorted(flatten(Thresholds().model_dump(by_alias=True)))


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from(THRESHOLDS), st.integers(0, 9), max_size=6))
def test_any_threshold_can_be_set_and_the_others_stay(values: dict[str, int]) -> None:
    config = load_config(None, [f"thresholds.{key}={value}" for key, value in values.items()])
    assert flatten(config.thresholds.model_dump(by_alias=True)) == (
        flatten(Thresholds().model_dump(by_alias=True)) | values
    )


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=12), st.text(max_size=12))
def test_whatever_is_given_to_set_ends_in_a_configuration_or_its_problems(key: str, value: str) -> None:
    for problem in problems_if_any(None, f"{key}={value}"):
        assert problem
        assert "\n" not in problem or "\n" in key + value


@pytest.mark.parametrize("text", ["sources:\n", "sources: here\n"])
def test_an_option_below_an_empty_section_does_not_end_in_a_traceback(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    found = problems_if_any(path, sources__input=tmp_path)
    assert all("sources" in problem for problem in found)


def test_an_empty_section_holds_the_defaults(tmp_path: Path) -> None:
    assert load_config(written(tmp_path, "sources:\n"), ["sources.limit=3"]).sources.limit == 3


def test_unknown_thresholds_are_told_together_with_other_problems(tmp_path: Path) -> None:
    path = written(tmp_path, "seed: many\noverrides:\n- {thresholds: {margn: {min: 1}}}\n")
    text = "\n".join(problems(path))
    assert "seed" in text
    assert "margn.min" in text


def test_every_bad_pair_is_told() -> None:
    text = "\n".join(problems(None, "pairs=[zh-en, en_vi]"))
    assert "'zh-en'" in text
    assert "'en_vi'" in text
