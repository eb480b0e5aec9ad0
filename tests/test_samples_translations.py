"""The translated instruction records of the samples correspond to their sources, segment by segment."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import regex

from pipelines import lid
from pipelines.translation.pairing import aligned_pairs
from pipelines.translation.plan import FIELDS, Rebuilt, plan_record
from schemas.languages import LANGUAGES

SAMPLES = Path(__file__).parent.parent / "samples"
TARGETS = ("ar", "el", "hi", "tr", "vi", "zh")
FILES = (  # records, their translations, how many of the records are translated
    ("alpaca_data.json", "alpaca_translations.jsonl", 40),
    ("mi_eval_instructions.json", "mi_eval_translations.jsonl", 38),
)
# what must be the same in both: list markers, code, LaTeX, a JSON object, a placeholder, addresses, numbers
KEPT = regex.compile(
    r"^ *(?:-|\d+\.) |^\|[ |-]+\|$|```.*?```|`[^`]+`|\$[^$]+\$|\{[^{}]*\}|https?://\S+[\w/]|[\w.]+@[\w.]*\w"
    r"|\d+(?:[.,:]\d+)*(?: (?:°C|g|ml)\b)?",
    regex.DOTALL | regex.MULTILINE,
)


@dataclass(frozen=True)
class Record:
    """A record, its translation, the segments of the two in pairs, and the translation made of them again."""

    where: str
    lang: str
    source: dict[str, str]
    translation: dict[str, str]
    pairs: list[tuple[str, str]]
    rebuilt: Rebuilt


def translated(file: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (SAMPLES / file).read_text(encoding="utf-8").split("\n") if line]


def records() -> Iterator[Record]:
    for records_file, translations_file, _ in FILES:
        sources = json.loads((SAMPLES / records_file).read_text(encoding="utf-8"))
        for row in translated(translations_file):
            source, lang, where = sources[row["index"]], row["lang"], f"{translations_file}: {row['index']}"
            pairs = aligned_pairs(source, row, lang, where)
            rebuilt = plan_record(source).rebuild(dict(pairs), LANGUAGES[lang].spaced)
            translation = {name: row[name] for name in FIELDS}
            yield Record(f"{where} {lang}", lang, source, translation, pairs, rebuilt)


@pytest.fixture(scope="module", name="records")
def paired() -> list[Record]:
    return list(records())


def letters(text: str) -> list[str]:
    return regex.findall(r"\p{L}", text)


@pytest.mark.parametrize(("records_file", "translations_file", "count"), FILES)
def test_every_record_is_translated_into_all_languages(
    records_file: str, translations_file: str, count: int
) -> None:
    assert len(json.loads((SAMPLES / records_file).read_text(encoding="utf-8"))) >= count
    found = Counter((row["index"], row["lang"]) for row in translated(translations_file))
    assert found == Counter((index, lang) for index in range(count) for lang in TARGETS)


def test_the_segments_make_the_written_translation(records: list[Record]) -> None:
    for record in records:
        assert record.rebuilt.fields == record.translation, record.where


def test_code_addresses_markers_and_numbers_are_the_source_s(records: list[Record]) -> None:
    for record in records:
        for name in FIELDS:
            found, expected = (KEPT.findall(texts[name]) for texts in (record.translation, record.source))
            assert sorted(found) == sorted(expected), f"{record.where} {name}"


def test_a_segment_has_one_translation(records: list[Record]) -> None:
    memory: dict[tuple[str, str], set[str]] = defaultdict(set)
    for record in records:
        for source, translation in record.pairs:
            memory[record.lang, source].add(translation)
    assert len(memory) > 250 * len(TARGETS)
    assert not {segment: found for segment, found in memory.items() if len(found) > 1}


def test_texts_are_in_their_language(records: list[Record]) -> None:
    model = lid.load_model(str(lid.default_model()))
    for record in records:
        language = LANGUAGES[record.lang]
        assert not [pair for pair in record.pairs if pair[0] == pair[1]], f"{record.where}: left as it was"
        text = " ".join(target for _, target in record.rebuilt.natural.values())
        script = regex.compile("|".join(rf"\p{{Script={name}}}" for name in language.scripts))
        share = sum(1 for letter in letters(text) if script.match(letter)) / len(letters(text))
        assert share > 0.8, f"{record.where}: {share:.0%} of the letters are of the language's script"
        [found] = lid.identify(model, [text], language.lid_labels or (record.lang,))
        assert found is not None
        assert found.claimed > 0.5, f"{record.where}: {found}"


def test_lengths_are_in_proportion(records: list[Record]) -> None:
    for record in records:
        for source, target in record.pairs:
            if len(source) > 40:
                ratio = len(target) * LANGUAGES[record.lang].char_factor / len(source)
                assert 0.55 < ratio < 1.8, f"{record.where}: {ratio:.2f}: {target} for {source}"
