"""What is wrong with a translation, and what is not: scores, the decision on them, and what is tried next."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipelines import lid
from pipelines.translation.checks import SegmentFacts, add_lid, decide, retry_for, round_trip, score_row
from pipelines.translation.pairing import aligned_pairs
from pipelines.translation.plan import Rebuilt, plan_record
from schemas.instructions import INSTRUCTIONS, REASONS, REJECTED_INSTRUCTIONS, SCORES
from schemas.languages import LANGUAGES
from schemas.translation import CONDITIONS, RETRIES, RETRY_OF, Checks, Retry

SAMPLES = Path(__file__).parents[2] / "samples"
ENGLISH = json.loads((SAMPLES / "alpaca_data.json").read_text(encoding="utf-8"))
WRITTEN = [
    json.loads(line)
    for line in (SAMPLES / "alpaca_translations.jsonl").read_text(encoding="utf-8").splitlines()
]
MODEL = lid.load_model(str(lid.default_model()))
GOOD = SegmentFacts(score=-0.4, tokens=12, unknown=0, truncated=False)
SOURCE = {
    "instruction": "Describe the harbor in the morning. Write three sentences.",
    "input": "",
    "output": "The boats come back before seven. 12 people wait for the fish on the quay. Then the market opens.",
}
GREEK = {
    "Describe the harbor in the morning.": "Περιέγραψε το λιμάνι το πρωί.",
    "Write three sentences.": "Γράψε τρεις προτάσεις.",
    "The boats come back before seven.": "Οι βάρκες γυρίζουν πριν από τις επτά.",
    "12 people wait for the fish on the quay.": "12 άνθρωποι περιμένουν τα ψάρια στην προκυμαία.",
    "Then the market opens.": "Ύστερα ανοίγει η αγορά.",
}


def judge(
    known: dict[str, str],
    source: dict[str, str] = SOURCE,
    code: str = "el",
    said: Callable[[str], SegmentFacts] = lambda _: GOOD,
    **changed: int,
) -> tuple[str | None, dict[str, Any]]:
    """The reason and the scores of a translation."""
    plan = plan_record(source)
    rebuilt = dataclasses.replace(plan.rebuild(known, LANGUAGES[code].spaced), **changed)
    scores = score_row(rebuilt, known, {request: said(request) for request in known}, code, LANGUAGES[code])
    add_lid(MODEL, [(rebuilt, scores)], code, LANGUAGES[code])
    return decide(scores, Checks()), scores


def test_written_translations_pass() -> None:
    failed = []
    for written in WRITTEN:
        source = ENGLISH[written["index"]]
        known = dict(aligned_pairs(source, written, written["lang"], f"record {written['index']}"))
        reason, scores = judge(known, source, written["lang"])
        if reason:
            failed.append((written["index"], written["lang"], reason, scores))
    assert failed == []


RUSSIAN = (
    "Опиши гавань утром.",
    "Напиши три предложения.",
    "Лодки возвращаются до семи часов.",
    "12 человек ждут рыбу на причале.",
    "Потом открывается рынок.",
)
LOOP = " και πάλι και πάλι" * 12


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"Then the market opens.": ""}, "empty_translation"),
        ({request: "" for request in GREEK}, "empty_translation"),
        ({"Then the market opens.": "Ύστερα" + LOOP}, "repetition"),
        ({request: request for request in GREEK}, "copy"),
        (dict(zip(GREEK, RUSSIAN, strict=True)), "wrong_script"),
        ({"12 people wait for the fish on the quay.": "12 άνδρες."}, "lost_words"),
        ({"12 people wait for the fish on the quay.": "15 άνδρες περιμένουν τα 40 ψάρια στις 30."}, "number_mismatch"),
        ({"Then the market opens.": "Ύστερα ανοίγει η αγορά, δείτε www.agora.example.com για όλα."}, "lost_spans"),
        ({"Then the market opens.": "Ύστερα ανοίγει η ⁇ αγορά."}, "unknown_tokens"),
        (
            {
                "The boats come back before seven.": "Γυρίζουν. Πριν. Ναι. Από εκεί. Όχι όλες.",
                "Then the market opens.": "Ύστερα. Ανοίγει. Η αγορά. Μετά. Τέλος πια.",
            },
            "added_sentences",
        ),
        (
            {
                "The boats come back before seven.": "Γυρίζουν.",
                "12 people wait for the fish on the quay.": "12 ψάρια.",
                "Then the market opens.": "Ανοίγει.",
            },
            "too_short",
        ),
    ],
)  # fmt: skip
def test_what_goes_wrong_has_its_reason(changes: dict[str, str], reason: str | None) -> None:
    assert judge(GREEK | changes)[0] == reason


def test_another_language_in_the_same_script() -> None:
    source = {
        "instruction": "Say how the weather is.",
        "input": "",
        "output": "It is raining in the whole country today.",
    }
    german = {
        "Say how the weather is.": "Sag, wie das Wetter ist.",
        "It is raining in the whole country today.": "Heute regnet es im ganzen Land.",
    }
    assert judge(german, source, "tr")[0] == "wrong_language"
    assert judge(german, source, "de")[0] is None


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (GOOD, None),
        (GOOD._replace(truncated=True), "truncated"),
        (GOOD._replace(unknown=1), "unknown_tokens"),
        (GOOD._replace(score=-4.0), "low_score"),
    ],
)
def test_what_the_engine_says_counts(said: SegmentFacts, reason: str | None) -> None:
    assert judge(GREEK, said=lambda _: said)[0] == reason


def test_a_loop_inside_a_word_shows_in_the_compression() -> None:
    known = GREEK | {"12 people wait for the fish on the quay.": "12 " + "χα" * 90}
    source = SOURCE | {
        "output": SOURCE["output"].replace("fish", "fish and for everything else that the sea may have given")
    }
    known[plan_record(source).requests()[3]] = "12 " + "χα" * 90
    assert judge(known, source)[0] == "loop"


def test_lost_spans_and_quotes_would_be_seen() -> None:
    assert judge(GREEK, lost_spans=1)[0] == "lost_spans"
    assert judge(GREEK, lost_quotes=1)[0] == "lost_quotes"


def test_a_row_without_words_has_no_scores_and_passes() -> None:
    source = {"instruction": "12 + 30 = ?", "input": "", "output": "```python\nprint(42)\n```"}
    reason, scores = judge({}, source)
    assert reason is None
    assert {name for name, score in scores.items() if score is not None} == {
        "lost_spans", "lost_quotes", "around", "empty_segments",
    }  # fmt: skip


def test_protected_spans_do_not_count_as_words() -> None:
    code = "```python\n" + "for word in words: print('all of this is English')\n" * 20 + "```"
    source = {
        "instruction": "Explain this program.",
        "input": code,
        "output": "It prints the same line again and again.",
    }
    known = {
        "Explain this program.": "Εξήγησε αυτό το πρόγραμμα.",
        "It prints the same line again and again.": "Τυπώνει την ίδια γραμμή ξανά και ξανά.",
    }
    reason, scores = judge(known, source)
    assert reason is None
    assert scores["script_share"] == 1


def test_a_chinese_sentence_with_acronyms_is_chinese() -> None:
    source = {"instruction": "SARS has a higher mortality than COVID-19.", "input": "", "output": "It does."}
    known = {
        "SARS has a higher mortality than COVID-19.": "SARS 的死亡率高于 COVID-19。",
        "It does.": "确实如此。",
    }
    reason, scores = judge(known, source, "zh")
    assert reason is None
    assert scores["script_share"] == pytest.approx(6 * 3.1 / (6 * 3.1 + 9))


def test_thresholds_decide_late() -> None:
    scores = judge(GREEK)[1]
    assert decide(scores, Checks(length_ratio_max=0.5)) == "too_long_translation"
    assert decide(scores, Checks.model_validate({"copy": -0.1})) == "copy"


def test_the_tables_fit_one_another() -> None:
    names = {field.name for field in SCORES}
    assert set(CONDITIONS) <= set(REASONS)
    assert {score for conditions in CONDITIONS.values() for score, _, _ in conditions} <= names
    assert {key for conditions in CONDITIONS.values() for _, _, key in conditions} == set(Checks.model_fields)
    assert set(RETRY_OF) <= set(CONDITIONS)
    assert set(RETRY_OF.values()) == set(RETRIES)
    assert retry_for("repetition") == ("ngram_block", Retry(decoding={"no_repeat_ngram_size": 4}))
    assert retry_for("unknown_tokens") is None
    assert set(judge(GREEK)[1]) == names


def test_scores_fit_the_declared_schema() -> None:
    rows = [judge(GREEK)[1], judge({}, {"instruction": "1?", "input": "", "output": "2"})[1]]
    schema = pa.schema([INSTRUCTIONS.arrow().field(field.name) for field in SCORES])
    assert pa.Table.from_pylist(rows, schema=schema).num_rows == 2
    assert REJECTED_INSTRUCTIONS.ddl()


def test_a_round_trip_tells_a_good_translation_from_another_text() -> None:
    source = "The boats come back before seven."
    same, near, other = round_trip(
        [source] * 3, [source, "The boats return before seven.", "Ann sold her old bicycle."]
    )
    assert same == pytest.approx(100)
    assert near > 50 > Checks().round_trip > other


def test_the_worst_field_decides_about_the_language() -> None:
    natural = {
        "instruction": ("Name a fruit please.", "Πες μου ένα φρούτο, σε παρακαλώ."),
        "output": ("It is raining in the whole country.", "Heute regnet es im ganzen Land, sagt man."),
    }
    rebuilt = Rebuilt({}, natural, {}, 0, 0, 0)
    scores: dict[str, Any] = {"script_share": 0.5, "lid": None, "lid_prob": None, "lid_claimed": None}
    add_lid(MODEL, [(rebuilt, scores)], "el", LANGUAGES["el"])
    assert scores["lid"] == "de"
