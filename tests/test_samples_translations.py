"""The translated instruction records of the samples correspond to their sources, sentence by sentence."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import regex
import sentencex

from pipelines.cleaning import lid
from schemas.languages import LANGUAGES

SAMPLES = Path(__file__).parent.parent / "samples"
TARGETS = ("ar", "el", "hi", "tr", "vi", "zh")
FIELDS = ("instruction", "input", "output")
FILES = (  # records, their translations, how many of the records are translated
    ("alpaca_data.json", "alpaca_translations.jsonl", 40),
    ("mi_eval_instructions.json", "mi_eval_translations.jsonl", 38),
)
# code, LaTeX, a JSON object, a placeholder, addresses, a number with a unit's symbol
SPANS = regex.compile(
    r"```.*?```|`[^`]+`|\$[^$]+\$|\{[^{}]*\}|https?://\S+[\w/]|[\w.]+@[\w.]*\w|\b\d+ (?:°C|g|ml)\b",
    regex.DOTALL,
)
MARKER = regex.compile(r" *(?:- |\d+\. )?")
NUMBER = regex.compile(r"\d+(?:[.,:]\d+)*")


@dataclass(frozen=True)
class Field:
    """A field of a record and its translation."""

    where: str
    name: str
    lang: str
    source: str
    translation: str


def fields() -> Iterator[Field]:
    for records_file, translations_file, _ in FILES:
        records = json.loads((SAMPLES / records_file).read_text(encoding="utf-8"))
        for row in translations(translations_file):
            for name in FIELDS:
                where = f"{translations_file}: {row['index']} {row['lang']} {name}"
                yield Field(where, name, row["lang"], records[row["index"]][name], row[name])


def translations(file: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (SAMPLES / file).read_text(encoding="utf-8").split("\n") if line]


def segments(text: str, lang: str) -> list[tuple[str, list[str]]]:
    """For each line outside fenced code: its list marker, and its sentences (the cells of a table are parted too)."""
    lines = []
    for line in regex.sub(r"```.*?```", "", text, flags=regex.DOTALL).split("\n"):
        marker = MARKER.match(line).group()
        cells = [cell.strip() for cell in line[len(marker) :].split("|")]
        lines.append((marker, [s.strip() for cell in cells for s in sentencex.segment(lang, cell)]))
    return lines


def pairs(field: Field) -> Iterator[tuple[str, str]]:
    """The segments of a field with their translations, as far as they correspond."""
    for (_, sources), (_, found) in zip(
        segments(field.source, "en"), segments(field.translation, field.lang), strict=False
    ):
        yield from zip(sources, found, strict=False)


def letters(text: str) -> list[str]:
    return regex.findall(r"\p{L}", SPANS.sub(" ", text))


@pytest.mark.parametrize(("records", "translated", "count"), FILES)
def test_every_record_is_translated_into_all_languages(records: str, translated: str, count: int) -> None:
    assert len(json.loads((SAMPLES / records).read_text(encoding="utf-8"))) >= count
    found = Counter((row["index"], row["lang"]) for row in translations(translated))
    assert found == Counter((index, lang) for index in range(count) for lang in TARGETS)


def test_lines_markers_and_sentences_correspond() -> None:
    for field in fields():
        source, translation = segments(field.source, "en"), segments(field.translation, field.lang)
        shape, found = ([(marker, len(parts)) for marker, parts in lines] for lines in (source, translation))
        assert found == shape, f"{field.where}: {translation} for {source}"


def test_protected_spans_and_numbers_are_the_source_s() -> None:
    for field in fields():
        for pattern in (SPANS, NUMBER):
            found, expected = (sorted(pattern.findall(t)) for t in (field.translation, field.source))
            assert found == expected, field.where


def test_a_segment_has_one_translation() -> None:
    memory: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for field in fields():
        for source, translation in pairs(field):
            memory[field.lang, source][translation] = field.where
    assert len(memory) > 1000
    assert not {key: found for key, found in memory.items() if len(found) > 1}


def test_texts_are_in_their_language() -> None:
    model = lid.load_model(str(lid.default_model()))
    texts: dict[tuple[str, str], list[str]] = defaultdict(list)
    for field in fields():
        texts[field.where.removesuffix(field.name), field.lang].append(SPANS.sub(" ", field.translation))
        for source, translation in pairs(field):
            assert translation != source or not letters(source), f"{field.where}: {source} is left as it was"
    for (where, lang), parts in texts.items():
        language = LANGUAGES[lang]
        script = regex.compile("[" + "".join(rf"\p{{Script={name}}}" for name in language.scripts) + "]")
        text = " ".join(parts)
        share = sum(1 for letter in letters(text) if script.match(letter)) / len(letters(text))
        assert share > 0.8, f"{where}: {share:.0%} of the letters are of the language's script"
        [found] = lid.identify(model, [text], language.lid_labels or (lang,))
        assert found is not None
        assert found.claimed > 0.5, f"{where}: {found}"


def test_lengths_are_in_proportion() -> None:
    for field in fields():
        source, translation = (
            regex.sub(r"[|\s-]+", " ", SPANS.sub("", text)) for text in (field.source, field.translation)
        )
        if len(letters(source)) > 40:
            ratio = len(translation) * LANGUAGES[field.lang].char_factor / len(source)
            assert 0.55 < ratio < 1.8, f"{field.where}: {ratio:.2f}"
