"""Hand-written translations give exactly the pairs that bring them back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines.errors import UserError
from pipelines.translation.pairing import aligned_pairs
from pipelines.translation.plan import plan_record
from schemas.languages import LANGUAGES

SAMPLES = Path(__file__).parents[2] / "samples"
ENGLISH = json.loads((SAMPLES / "alpaca_data.json").read_text(encoding="utf-8"))
WRITTEN = [
    json.loads(line)
    for line in (SAMPLES / "alpaca_translations.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize("written", WRITTEN, ids=lambda written: f"{written['index']}-{written['lang']}")
def test_pairs_give_the_written_translation_back(written: dict[str, str]) -> None:
    source = ENGLISH[written["index"]]
    known = dict(aligned_pairs(source, written, written["lang"], f"record {written['index']}"))
    plan = plan_record(source)
    assert plan.needed(known) == []
    rebuilt = plan.rebuild(known, LANGUAGES[written["lang"]].spaced)
    assert rebuilt.fields == {name: written[name] for name in rebuilt.fields}


def test_spans_and_quotes_are_paired_whatever_their_order() -> None:
    source = {
        "instruction": "What does the sign say?",
        "input": "The sign reads no dogs allowed, see `rules.txt` and `map.png`.",
        "output": 'It says "no dogs allowed".',
    }
    target = {
        "instruction": "Was steht auf dem Schild?",
        "input": "Siehe `map.png` und `rules.txt`: auf dem Schild steht Hunde verboten.",
        "output": 'Darauf steht "Hunde verboten".',
    }
    assert aligned_pairs(source, target, "de", "record 7") == [
        ("What does the sign say?", "Was steht auf dem Schild?"),
        ("The sign reads X1, see X2 and X3.", "Siehe X3 und X2: auf dem Schild steht X1."),
        ('It says "X1".', 'Darauf steht "X1".'),
        ("no dogs allowed", "Hunde verboten"),
    ]


def test_faults_are_named_all_at_once() -> None:
    source = {"instruction": "Open `a.txt`.", "input": "One. Two more.", "output": "Done now."}
    target = {"instruction": "Öffne die Datei.", "input": "Eins und zwei mehr.", "output": "Schon fertig."}
    with pytest.raises(UserError) as caught:
        aligned_pairs(source, target, "de", "record 7")
    first, second = caught.value.problems
    assert first == "record 7, de, instruction: the translation lacks '`a.txt`'"
    assert second.startswith(
        "record 7, de, input: 2 segments in English, 1 in the translation: ['One.', 'Two more.']"
    )
