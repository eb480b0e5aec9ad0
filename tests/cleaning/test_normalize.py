"""Repairs that lose nothing, and texts that need none."""

from __future__ import annotations

import json
import unicodedata
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.normalize import normalize, normalize_all

SAMPLES = Path(__file__).parents[2] / "samples" / "text"
LANGUAGES = ("en", "ar", "el", "hi", "tr", "vi", "zh")
VIRAMA, ZWJ, ZWNJ = "\u094d", "\u200d", "\u200c"


@lru_cache(maxsize=1)
def clean_texts() -> dict[str, list[str]]:
    """The clean sentences of the samples by language."""
    records = [
        json.loads(line) for path in sorted(SAMPLES.glob("*.jsonl")) for line in path.open(encoding="utf-8")
    ]
    return {language: [record[language] for record in records] for language in LANGUAGES}


@lru_cache(maxsize=1)
def sample_words() -> list[str]:
    return sorted({word for texts in clean_texts().values() for text in texts[:20] for word in text.split()})


def misread(text: str, encoding: str) -> str | None:
    """The text's UTF-8 read in another encoding; `None` where that cannot be undone."""
    try:
        wrong = text.encode("utf-8").decode(encoding)
    except UnicodeDecodeError:
        return None
    return wrong if wrong.encode(encoding).decode("utf-8") == text else None


@pytest.mark.parametrize("language", LANGUAGES)
def test_clean_texts_are_left_as_they_are(language: str) -> None:
    texts = clean_texts()[language]
    assert len(texts) >= 250
    assert [(text, normalize(text)) for text in texts if normalize(text) != text] == []


@pytest.mark.parametrize(
    "text",
    [
        "Ông nói: “Tôi yêu cô”…",
        "“Ê” là một chữ cái; cà phê đã hết.",
        "İmkânsız! “Kâğıt”, “rüzgâr”…",
        "Dedi ki: ‘Sâkin ol’.",
        "Ερώτηση: «Πού πας;»",
        "قال: «لا شك في ذلك»؟",
        "क्या यह «सच» है?",
        "他说：“这是《红楼梦》。”",
        "Café “Noël” – naïve façade",
        "AT&T, R&D & Q&A; x < y && y > z",
        "https://example.org/?a=1&b=2",
        "5 × 3 ° ¿qué? ½ € £ ™ ® ©",
    ],
)
def test_hard_but_clean_texts_are_left_as_they_are(text: str) -> None:
    assert normalize(text) == text


@pytest.mark.parametrize(
    "text", ["Thị trấn hay “XÃ” đều được.", "CẤP XÃ–HUYỆN", "“Â” là một chữ cái.", "HỢP TÁC XÃ™"]
)
def test_vietnamese_capitals_before_signs_are_left_as_they_are(text: str) -> None:
    assert normalize(text) == text


@pytest.mark.parametrize("query", ["a=1&copy=2", "from=EUR&currency=USD", "x=1&section=4", "p=1&notify=0"])
def test_parameters_of_an_address_are_no_entities(query: str) -> None:
    assert normalize(f"https://example.org/?{query}") == f"https://example.org/?{query}"


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("Tom &amp; Jerry", "Tom & Jerry"),
        ("5 &lt; 6 &gt; 4", "5 < 6 > 4"),
        ("&quot;yes&quot; &#39;no&#39;", "\"yes\" 'no'"),
        ("caf&eacute; &#233; &#xE9; &#xe9;", "café é é é"),
        ("a&nbsp;b", "a b"),
        ("100 &amp; # 160 ; km", "100 km"),
        ("100&amp;#160;km", "100 km"),
        ("100 & # 160 ; km", "100 km"),
        ("&amp; # x4e2d ;", "中"),
        ("soft&shy;hyphen, zero&#8203;width", "softhyphen, zerowidth"),
    ],
)
def test_entities_are_resolved_even_when_escaped_twice_and_split(dirty: str, clean: str) -> None:
    assert normalize(dirty) == clean


MISREAD = [
    (text, encoding)
    for encoding in ("cp1252", "latin-1")
    for text in (
        "Kütüphanede çok sayıda eski kitap var.",
        "Öğretmen, öğrencilere şarkı söyledi.",
        "Bütün gün güneş altında çalıştık.",
        "Năm nay mưa nhiều hơn mọi năm.",
        "Tôi muốn một tách trà nóng.",
        "Việt Nam có nhiều món ăn ngon.",
        "Le café est fermé le dimanche.",
        "Die Straße führt über die Brücke.",
        "He said “never” – and left…",
        "Το τρένο φεύγει στις εννιά.",
        "ينطلق القطار في الصباح.",
        "火车九点出发。",
    )
    if misread(text, encoding) is not None
]


@pytest.mark.parametrize(("text", "encoding"), MISREAD)
def test_utf8_that_was_read_in_a_wrong_encoding_is_repaired(text: str, encoding: str) -> None:
    wrong = misread(text, encoding)
    assert wrong is not None
    assert wrong != text
    assert normalize(wrong) == text


@pytest.mark.parametrize(("encoding", "at_least"), [("latin-1", 1.0), ("cp1252", 0.99)])
def test_sample_sentences_survive_a_wrong_encoding(encoding: str, at_least: float) -> None:
    texts = [text for language in LANGUAGES[1:] for text in clean_texts()[language] if not text.isascii()]
    wrong = {text: bad for text in texts if (bad := misread(text, encoding)) is not None}
    assert len(wrong) > 300
    assert sum(normalize(bad) == text for text, bad in wrong.items()) >= at_least * len(wrong)


@pytest.mark.parametrize(
    "character",
    list(
        "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2063\u2066\u2069\ufeff\ufe0f\ufffb"
    ),
)
def test_invisible_characters_are_removed_without_a_trace(character: str) -> None:
    assert normalize(f"{character}one{character} two{character}") == "one two"
    assert normalize(f"中{character}文") == "中文"


@pytest.mark.parametrize("space", [*"\t\n\x0b\x00\x1f\x7f\x85\xa0\u2003\u2028\u202f\u3000", "\r\n", "  "])
def test_every_run_of_space_and_control_characters_is_one_space(space: str) -> None:
    assert normalize(f"{space}one{space}two {space}") == "one two"


@pytest.mark.parametrize(
    "text",
    [
        f"क{VIRAMA}{ZWJ}ष",
        f"क{VIRAMA}{ZWNJ}ष",
        f"श्रीमान{VIRAMA}{ZWNJ}",
        f"می{ZWNJ}روم",
        f"ර{chr(0x0DCA)}{ZWJ}ය",
    ],
)
def test_joiners_that_are_part_of_the_spelling_stay(text: str) -> None:
    assert normalize(text) == text


@pytest.mark.parametrize("joiner", [ZWJ, ZWNJ])
@pytest.mark.parametrize("text", ["one{}two", "{}one", "one{}", "क{}ष", "中{}文", "مي {}ب", "می{} ب"])
def test_joiners_elsewhere_are_noise(text: str, joiner: str) -> None:
    assert normalize(text.format(joiner)) == text.format("")


@pytest.mark.parametrize("language", ["vi", "tr", "el", "hi"])
def test_decomposed_texts_are_composed(language: str) -> None:
    for text in clean_texts()[language]:
        assert normalize(unicodedata.normalize("NFD", text)) == text


def test_what_is_damaged_beyond_repair_stays_to_be_counted() -> None:
    assert normalize("caf\ufffd") == "caf\ufffd"
    assert normalize("a&#xD800;b") == "a\ufffdb"


def test_a_column_keeps_its_length_and_missing_texts_become_empty() -> None:
    assert normalize_all(pa.array(["a  b", None, "", " \u200b ", "&amp;"])) == ["a b", "", "", "", "&"]


DIRT = st.sampled_from(
    [
        *(" ", "  ", "\t", "\n", "\xa0", "\u3000", "\x00", "\x85", "\u2028", "\u0301", "\ufffd"),
        *("\u200b", "\ufeff", "\u00ad", "\u202e", "\ufe0f", ZWJ, ZWNJ),
        *("&amp;", "&nbsp;", "&#233;", "&quot;", "&amp; # 160 ;", "&", ";", "#"),
    ]
)


@st.composite
def dirty_texts(draw: st.DrawFn) -> str:
    """Words of the samples with dirt between them, some of them decomposed."""
    words = st.sampled_from(sample_words())
    parts = []
    for word in draw(st.lists(words, max_size=6)):
        if draw(st.booleans()):
            word = unicodedata.normalize("NFD", word)
        parts += [word, draw(DIRT), draw(DIRT)]
    return "".join(parts)


@settings(max_examples=200, deadline=None)
@given(dirty_texts())
def test_what_is_normalised_is_not_changed_again(text: str) -> None:
    once = normalize(text)
    assert normalize(once) == once


@settings(max_examples=200, deadline=None)
@given(st.lists(dirty_texts() | st.text(max_size=30), max_size=4))
def test_a_column_is_normalised_as_its_texts_are(texts: list[str]) -> None:
    assert normalize_all(pa.array(texts, pa.string())) == list(map(normalize, texts))


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=30))
def test_any_text_comes_out_composed_and_without_loose_space(text: str) -> None:
    found = normalize(text)
    assert unicodedata.is_normalized("NFC", found)
    assert found == " ".join(found.split())
    assert not any(unicodedata.category(character) == "Cc" for character in found)


@pytest.mark.parametrize(
    "text",
    [
        "&amp;lt;b&amp;gt;",
        "caf&Atilde;&copy;",
        "\u061c\u200cب",
        f"क\u0301{VIRAMA}{ZWJ}ष",
        "Few \xa0Ø¹Ø§Ù\x85Ø§",
    ],
    ids=[
        "escaped twice",
        "mojibake of entities",
        "joiner after a mark removed",
        "joiner after reordering",
        "mojibake among spaces",
    ],
)
def test_one_pass_is_enough(text: str) -> None:
    once = normalize(text)
    assert normalize(once) == once
