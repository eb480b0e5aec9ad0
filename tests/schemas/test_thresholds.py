"""Which threshold holds for a row: pair+corpus, pair, corpus, default, and the strict ones."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.thresholds import OVERRIDES, STRICT, Override, Thresholds, flatten, resolve

DEFAULTS = flatten(Thresholds().model_dump(by_alias=True))


def override(value: float, corpus: str | None = None, pair: str | None = None) -> Override:
    return Override(corpus=corpus, pair=pair, thresholds={"hub": {"max_partners": value}})


def found(*overrides: Override, corpus: str = "A", pair: str = "en-ar") -> float:
    return resolve(Thresholds(), overrides, STRICT, corpus, pair)[0]["hub.max_partners"]


def test_without_exceptions_the_defaults_hold() -> None:
    assert resolve(Thresholds(), [], {}, "Nothing", "en-xx") == (DEFAULTS, DEFAULTS)


def test_the_more_special_override_wins_wherever_it_stands() -> None:
    ladder = [override(10), override(11, corpus="A"), override(12, pair="en-ar"), override(13, "A", "en-ar")]
    for held in range(1, len(ladder) + 1):
        assert found(*ladder[:held]) == 9 + held
        assert found(*reversed(ladder[:held])) == 9 + held


def test_an_override_holds_for_its_own_corpus_and_pair_alone() -> None:
    given_ones = [override(11, corpus="A"), override(12, pair="en-ar"), override(13, "A", "en-ar")]
    default = DEFAULTS["hub.max_partners"]
    assert found(*given_ones, corpus="B", pair="en-zh") == default
    assert found(*given_ones, corpus="A", pair="en-zh") == 11
    assert found(*given_ones, corpus="B", pair="en-ar") == 12


def test_at_one_level_the_later_override_wins() -> None:
    assert found(override(11, pair="en-ar"), override(12, pair="en-ar")) == 12


def test_corpus_names_match_without_regard_to_case() -> None:
    assert found(override(11, corpus="wikimatrix"), corpus="WikiMatrix") == 11


def test_an_override_changes_only_what_it_names() -> None:
    normal, _ = resolve(Thresholds(), [override(11)], {}, "A", "en-xx")
    assert {key for key in normal if normal[key] != DEFAULTS[key]} == {"hub.max_partners"}


BUILT_IN = [(built_in, key) for built_in in OVERRIDES for key in flatten(built_in.thresholds)]


@pytest.mark.parametrize(("built_in", "key"), BUILT_IN)
def test_built_in_exceptions_hold_and_the_person_beats_them_at_their_level(
    built_in: Override, key: str
) -> None:
    corpus, pair = built_in.corpus or "Other", built_in.pair or "en-xx"
    group, name = key.split(".")
    assert resolve(Thresholds(), [], {}, corpus, pair)[0][key] == flatten(built_in.thresholds)[key]
    mine = Override(corpus=built_in.corpus, pair=built_in.pair, thresholds={group: {name: 77.0}})
    assert resolve(Thresholds(), [mine], {}, corpus, pair)[0][key] == 77


@pytest.mark.parametrize(("built_in", "key"), BUILT_IN)
def test_built_in_exceptions_beat_the_person_at_a_lower_level(built_in: Override, key: str) -> None:
    corpus, pair = built_in.corpus or "Other", built_in.pair or "en-xx"
    group, name = key.split(".")
    general = Override(thresholds={group: {name: 77.0}})
    assert resolve(Thresholds(), [general], {}, corpus, pair)[0][key] != 77


def test_built_in_exceptions_and_strict_name_known_thresholds() -> None:
    assert {key for _, key in BUILT_IN} <= set(DEFAULTS)
    assert set(flatten(STRICT)) <= set(DEFAULTS)


def test_strict_thresholds_are_complete_and_stand_above_all_overrides() -> None:
    mine = Override(pair="en-ar", corpus="A", thresholds={"copy": {"max": 0.9}, "hub": {"max_partners": 9}})
    normal, strict = resolve(Thresholds(), [mine], {"copy": {"max": 0.5}}, "A", "en-ar")
    assert normal["copy.max"] == 0.9
    assert strict["copy.max"] == 0.5
    assert set(strict) == set(normal) == set(DEFAULTS)
    assert {key for key in strict if strict[key] != normal[key]} == {"copy.max"}


@pytest.mark.parametrize("key", sorted(flatten(STRICT)))
def test_strict_is_never_laxer_than_normal(key: str) -> None:
    for corpus, pair in (("WikiMatrix", "en-ar"), ("WikiMatrix", "en-zh"), ("News-Commentary", "en-hi")):
        normal, strict = resolve(Thresholds(), [], STRICT, corpus, pair)
        at_least = key.split(".")[1].startswith("min")
        assert strict[key] >= normal[key] if at_least else strict[key] <= normal[key]


def test_every_default_says_why() -> None:
    for group in Thresholds.model_fields.values():
        for name, field in group.annotation.model_fields.items():  # type: ignore[union-attr]
            assert field.description, name


@pytest.mark.parametrize("given_values", [{"corpora": "A"}, {"thresholds": {"hub": 3}}, {}])
def test_an_override_of_another_shape_is_refused(given_values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Override.model_validate(given_values)


overrides = st.lists(
    st.builds(
        override,
        st.integers(0, 99),
        st.sampled_from([None, "A", "b", "B"]),
        st.sampled_from([None, "en-ar", "en-zh"]),
    ),
    max_size=6,
)


@settings(max_examples=100, deadline=None)
@given(overrides, st.sampled_from(["a", "B", "C"]), st.sampled_from(["en-ar", "en-zh", "en-vi"]))
def test_the_last_of_the_most_special_fitting_overrides_wins(
    given_ones: list[Override], corpus: str, pair: str
) -> None:
    best: tuple[int, float] = (-1, DEFAULTS["hub.max_partners"])
    for one in given_ones:
        fits = (one.corpus or corpus).lower() == corpus.lower() and (one.pair or pair) == pair
        level = 2 * (one.pair is not None) + (one.corpus is not None)
        if fits and level >= best[0]:
            best = (level, one.thresholds["hub"]["max_partners"])
    assert found(*given_ones, corpus=corpus, pair=pair) == best[1]
