"""Every reason, and its near misses, through a real build: files in, scores and decisions out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from job_process import Builder

from schemas.loading import load_config
from schemas.reasons import REASONS

Found = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Case:
    """A row to plant, the reason for which it must fall (None: kept), and scores that it must have."""

    name: str
    src: str
    tgt: str
    reason: str | None
    scores: dict[str, Any] = field(default_factory=dict)
    margin: float = 1.08
    pair: str = "en-tr"


def ratio(src: str, tgt: str) -> float:
    return (len(tgt) + 10) / (len(src) + 10)


LONG = ("The farmers of the valley sell their cheese in town " * 15).strip()  # 150 words
UZUN = ("Vadinin çiftçileri peynirlerini her hafta şehirde satarlar " * 15).strip()
GERMAN = "Das alte Rathaus steht seit vielen Jahren am Marktplatz."
FRENCH = "Les enfants du village apprennent à nager dans la rivière pendant l'été."
FORTY = "internationalization" * 2
IN_EVAL = "The keeper of the lighthouse wrote every night in a small blue book."
SHORT, MUCH = (
    "He came home.",
    "Uzun bir yolculuğun ardından yağmurlu bir akşamüstü yorgun argın evine geri döndü.",
)
FEMUR = (
    "Running from the hip down to the knee, the femur is the longest and strongest bone in the human body.",
    "Kalçadan dize kadar uzanan uyluk kemiği, insan vücudundaki en uzun ve en güçlü kemiktir.",
)

FALLING = [
    Case("empty", "The harbour was closed.", "\u200b ", "empty", {"tgt_length": 0, "src_length": 4}),
    Case(
        "bold",
        "The '''old tower''' stands by the gate.",
        "Eski kule kapının yanında durur.",
        "markup",
        {"markup": 2},
    ),
    Case(
        "cite",
        "Retrieved from the town library.",
        "Kasabanın kütüphanesinden alındı.",
        "boilerplate",
        {"boilerplate": 1},
    ),
    Case(
        "broken",
        "The bridge is still in use.",
        "Eski k\ufffdpr\ufffd hâlâ kullanılıyor.",
        "broken_text",
        {"broken_text": 2},
    ),
    Case("one word", "Ankara", "Ankara şehri", "too_short", {"src_length": 1, "tgt_length": 2}),
    Case("151 words", f"{LONG} today", UZUN, "too_long", {"src_length": 151}),
    Case("copy", "The market opens at nine", "The market opens at nina", "copy", {"copy": 1 - 1 / 24}),
    Case(
        "41 letters", f"She says {FORTY}s a lot.", "Bunu çok sık söylüyor.", "long_word", {"longest_word": 41}
    ),
    Case("signs", "So ## %% ** ++ ~~ __", "Öyle bir şey hiç olmadı", "alphabet", {"alphabet_share": 2 / 14}),
    Case(
        "digits",
        "Buses 12 14 17 21 stop here",
        "12 14 17 21 numaralı otobüsler burada durur",
        "digits",
        {"digit_share": 8 / 21},
    ),
    Case(
        "cyrillic",
        "The bridge was built of stone.",
        "Старый мост построен из камня.",
        "script",
        {"src_script_share": 1.0, "tgt_script_share": 0.0},
    ),
    Case(
        "laughter", "Sooooooooooooooooooo good", "Bu çok güzel olmuş", "repetition", {"repetition": 18 / 24}
    ),
    Case(
        "colours",
        "red, orange, yellow, green, blue, violet",
        "kırmızı, turuncu, sarı, yeşil, mavi, mor",
        "listing",
        {"listing": 5 / 6},
    ),
    Case(
        "heading",
        "Ministry Of Roads And Bridges",
        "Yollar ve Köprüler Bakanlığı",
        "title_case",
        {"title_case": 1.0},
    ),
    Case("too much", SHORT, MUCH, "length_ratio", {"length_ratio": ratio(SHORT, MUCH)}),
    Case("too little", MUCH, SHORT, "length_ratio", {"length_ratio": ratio(MUCH, SHORT)}),
    Case(
        "other number",
        "The tower is 96 metres high.",
        "Kule 69 metre yüksekliğindedir.",
        "number_mismatch",
        {"number_overlap": 1 / 3},
    ),
    Case(
        "address",
        "The society publishes its yearbook every autumn.",
        "Dernek yıllığını her güz https://dernek.example/yillik adresinde yayımlar.",
        "url_mismatch",
        {"url_mismatch": 1},
    ),
    Case(
        "open brackets",
        "He whispered (so that nobody heard [except me that he was leaving.",
        "Benden başka kimse duymasın diye, gideceğini fısıldadı.",
        "brackets",
        {"bracket_mismatch": 4},
    ),
    Case(
        "four sentences",
        "Stop! Look left. Look right. Now go.",
        "Otobüs durağı okulun tam karşısında.",
        "punctuation",
        {"terminal_mismatch": 3},
    ),
    Case(
        "margin",
        "The island has two ferries.",
        "Adanın iki feribotu var.",
        "low_margin",
        {"margin": 1.0399},
        1.0399,
    ),
    Case(
        "french",
        FRENCH,
        "Köyün çocukları yazın nehirde yüzmeyi öğrenir.",
        "wrong_source_language",
        {"lid_src": "fr"},
    ),
    Case(
        "german",
        "The town hall has stood on the square for years.",
        GERMAN,
        "wrong_target_language",
        {"lid_tgt": "de"},
    ),
    Case(
        "traditional",
        "The library was closed during the war and later became a school.",
        "這座圖書館在戰爭期間關閉，後來改建為學校。",
        "chinese_script",
        {"zh_script": "Hant", "lid_tgt": "zh"},
        pair="en-zh",
    ),
    Case(
        "cantonese",
        "They lived here for thirty years and moved away only recently.",
        "佢哋喺呢度住咗三十年，而家先至搬走。",
        "wrong_target_language",
        {"lid_tgt": "yue"},
        pair="en-zh",
    ),
    Case(
        "in the test set",
        IN_EVAL,
        "Fenerin bekçisi her gece küçük mavi bir deftere yazardı.",
        "contaminated",
        {"contamination": 1.0, "contaminated_by": "keeper.txt"},
    ),
    # strict rules hold from margin.strict_from up
    Case(
        "spelled out, strict",
        "The four horses drank from the river.",
        "4 at nehirden su içti.",
        "number_mismatch",
        {"number_overlap": 1 / 1.5},
        1.15,
    ),
    # other rows
    Case(
        "copy of the plain row",
        "Our neighbour feeds the birds in winter.",
        "Komşumuz kışın kuşları besler.",
        "exact_duplicate",
        margin=1.05,
    ),
    Case("femur again", FEMUR[0].replace("strongest", "heaviest"), FEMUR[1], "near_duplicate", margin=1.06),
    *(
        Case(f"hub {n}", "It is the largest of its kind.", tgt, "hub", margin=1.1 + n / 100)
        for n, tgt in enumerate(
            [
                "Balıkçılar sabah erkenden yola çıktı.",
                "Okulun bahçesinde bir ceviz ağacı var.",
                "Türünün en büyüğüdür.",
                "Ressam iki yıl köyde yaşadı.",
            ]
        )
    ),
    Case(
        "second source",
        "The baker opens before sunrise.",
        "Güneş doğmadan fırın açılmış oluyor.",
        "source_cap",
        margin=1.05,
    ),
    Case(
        "second target",
        "At the end of the street stands a small chapel.",
        "Sokağın sonunda küçük bir mescit var.",
        "target_cap",
        margin=1.05,
    ),
]

NEAR_MISSES = [
    Case(
        "plain",
        "Our neighbour feeds the birds in winter.",
        "Komşumuz kışın kuşları besler.",
        None,
        {"markup": 0, "copy": 0.0, "flags": []},
    ),
    Case("150 words", LONG, UZUN, None, {"src_length": 150}),
    Case(
        "40 letters",
        f"He spells {FORTY} with ease.",
        "Bu sözcüğü kolaylıkla heceliyor.",
        None,
        {"longest_word": 40},
    ),
    Case(
        "half signs",
        "They come home #%*+ ~-_§ $°=:",
        "Onlar şimdi eve geliyor #%*+ ~-_§ $°=:",
        None,
        {"alphabet_share": 0.5},
    ),
    Case(
        "margin of 1.04",
        "The river freezes in January.",
        "Nehir ocak ayında donar.",
        None,
        {"margin": 1.04},
        1.04,
    ),
    Case(
        "spelled out",
        "The three boats came back at noon.",
        "3 tekne öğlen geri döndü.",
        None,
        {"number_overlap": 1 / 1.5},
    ),
    Case(
        "thousands",
        "About 12,500 people live on the island.",
        "Adada yaklaşık 12.500 kişi yaşıyor.",
        None,
        {"number_overlap": 2.0},
    ),
    Case(
        "less than",
        "The rule holds for x < 5 and y > 3 only.",
        "Kural yalnızca x < 5 ve y > 3 için geçerlidir.",
        None,
        {"markup": 0},
    ),
    Case(
        "same address",
        "Read the rules at https://club.example/rules first.",
        "Önce https://club.example/rules adresindeki kuralları okuyun.",
        None,
        {"url_mismatch": 0},
    ),
    Case(
        "e-mail",
        "Write to info@club.example if you have questions.",
        "Sorularınız varsa info@club.example adresine yazın.",
        None,
        {"flags": ["email"], "url_mismatch": 0},
    ),
    Case(
        "telephone",
        "Call the harbour office at +90 212 555 01 23 before noon.",
        "Öğleden önce +90 212 555 01 23 numarasından liman ofisini arayın.",
        None,
        {"flags": ["phone"]},
    ),
    Case(
        "card",
        "The clerk at the harbour office carefully typed 4111 1111 1111 1111 into the old machine.",
        "Liman ofisindeki memur eski makineye dikkatlice 4111 1111 1111 1111 numarasını yazdı.",
        None,
        {"flags": ["card"]},
    ),
    Case(
        "no card",
        "Later the clerk at the village school slowly typed 4111 1111 1111 1112 into another machine.",
        "Köy okulundaki memur daha sonra başka bir makineye yavaşça 4111 1111 1111 1112 numarasını girdi.",
        None,
        {"flags": []},
    ),
    Case(
        "a word of the list",
        "That wicked cat stole the fish from the table.",
        "O hınzır kedi balığı masadan çaldı.",
        None,
        {"flags": ["profanity"]},
    ),
    Case(
        "a gloss in brackets",
        "The captain (Ayşe Demir) thanked the whole crew.",
        "Kaptan Ayşe Demir bütün mürettebata teşekkür etti.",
        None,
        {"bracket_mismatch": 1},
    ),
    Case("femur", *FEMUR, None, {"repetition": 0.0}),
    Case(
        "first source",
        "The baker opens before sunrise.",
        "Fırıncı güneş doğmadan dükkânını açar.",
        None,
        margin=1.09,
    ),
    Case(
        "first target",
        "There is a small mosque down the road.",
        "Sokağın sonunda küçük bir mescit var.",
        None,
        margin=1.09,
    ),
    Case(
        "acronyms",
        "SARS has a higher mortality than COVID-19.",
        "SARS 的死亡率高于 COVID-19。",
        None,
        {"src_script_share": 1.0, "tgt_script_share": 6 * 3.1 / (6 * 3.1 + 9)},
        pair="en-zh",
    ),
    Case(
        "simplified",
        "Most visitors arrive by boat in the early summer.",
        "大多数游客在初夏乘船抵达。",
        None,
        {"zh_script": "Hans", "lid_tgt": "zh", "tgt_length": 13},
        pair="en-zh",
    ),
    Case(
        "entities and mojibake",
        "Tea &amp; coffee are served on the terrace.",
        "Terasta Ã§ay ve kahve   servis edilir.",
        None,
        {
            "src_text": "Tea & coffee are served on the terrace.",
            "tgt_text": "Terasta çay ve kahve servis edilir.",
        },
    ),
    Case(
        "sure of itself",
        "The children planted beans behind the school.",
        "Çocuklar okulun arkasına fasulye ekti.",
        None,
        margin=1.3,
    ),
]

# a score equal to its threshold passes (schemas/thresholds.py)
ON_THE_EDGE = [
    Case(
        "4 of 5 capitals",
        "Ministry of Roads Bridges Railways",
        "Yollar Köprüler ve Demiryolları Bakanlığı",
        None,
        {"title_case": 0.8},
    ),
    Case("3 of 10 digits", "Gate 101 now", "101 kapısı şimdi açık", None, {"digit_share": 0.3}),
    Case(
        "brackets of 2",
        "She left (late) and (alone) again.",
        "Yine geç vakitte ve tek başına ayrıldı.",
        None,
        {"bracket_mismatch": 2},
    ),
]
CASES = [*FALLING, *NEAR_MISSES, *ON_THE_EDGE]


@pytest.fixture(scope="module")
def built(build_with: Builder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rules")
    corpora = folder / "in"
    corpora.mkdir()
    for pair in ("en-tr", "en-zh"):
        cases = [case for case in CASES if case.pair == pair]
        lines = [f"{case.margin}\t{case.src}\t{case.tgt}\n" for case in cases]
        lines += ["1.08\tThe last field is missing.\n"] if pair == "en-tr" else []
        (corpora / f"WikiMatrix.{pair}.tsv").write_text("".join(lines), encoding="utf-8")
    (corpora / "Diary.en-tr.en").write_text("The sea was calm all day.\n\n", encoding="utf-8")
    (corpora / "Diary.en-tr.tr").write_text("Deniz bütün gün sakindi.\nBoş.\n", encoding="utf-8")
    (folder / "words.txt").write_text("hınzır\n", encoding="utf-8")
    (folder / "eval").mkdir()
    (folder / "eval" / "keeper.txt").write_text(f"{IN_EVAL}\n", encoding="utf-8")
    build_with(
        load_config(
            None,
            sources__input=str(corpora),
            output=str(folder / "out"),
            pairs=["en-tr", "en-zh"],
            eval__path=str(folder / "eval"),
            flags__profanity={"tr": str(folder / "words.txt")},
            chinese__scripts=["Hans", "either"],
            licenses__known={"WikiMatrix": "CC0-1.0"},
            licenses__allow=["CC0-1.0"],
        )
    )
    return folder / "out"


def read(built: Path, corpus: str) -> dict[tuple[str, int], dict[str, Any]]:
    rows = [
        {"reason": None} | row
        for kind in ("parallel", "rejected")
        for path in (built / kind).rglob("*.parquet")
        for row in pq.ParquetFile(path).read().to_pylist()
    ]
    return {(row["pair"], row["line"]): row for row in rows if row["corpus"] == corpus}


@pytest.fixture(scope="module")
def found(built: Path) -> Found:
    """The row that came of each case."""
    rows = read(built, "WikiMatrix")
    by_name = {}
    for pair in ("en-tr", "en-zh"):
        names = [case.name for case in CASES if case.pair == pair]
        by_name |= {name: rows[pair, line] for line, name in enumerate(names, start=1)}
    assert len(by_name) == len(CASES)
    return by_name


def check(found: Found, case: Case) -> None:
    row = found[case.name]
    scores = {name: row[name] for name in case.scores}
    # Parquet holds scores as 32-bit floats
    expected = {n: pytest.approx(v, rel=1e-6) if isinstance(v, float) else v for n, v in case.scores.items()}
    assert (row["reason"], scores) == (case.reason, expected)


def named(cases: Sequence[Case]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


@named(FALLING)
def test_a_row_falls_for_its_reason_with_its_score(found: Found, case: Case) -> None:
    check(found, case)


@named(NEAR_MISSES)
def test_a_near_miss_is_kept(found: Found, case: Case) -> None:
    check(found, case)


@named(ON_THE_EDGE)
def test_a_score_equal_to_its_threshold_passes(found: Found, case: Case) -> None:
    check(found, case)


def test_a_malformed_line_says_what_is_wrong(built: Path) -> None:
    rows = read(built, "WikiMatrix")
    last = rows["en-tr", len([case for case in CASES if case.pair == "en-tr"]) + 1]
    assert last["reason"] == "malformed_line"
    assert re.search("expected 3 .*found 2", last["detail"])


def test_a_corpus_of_another_licence_falls_but_for_its_worse_rows(built: Path) -> None:
    diary = read(built, "Diary")
    assert {line: row["reason"] for (_, line), row in diary.items()} == {1: "license", 2: "empty"}
    assert {row["license"] for row in diary.values()} == {"unknown"}


def test_each_reason_is_tried() -> None:
    assert {case.reason for case in FALLING} | {"malformed_line", "license"} == set(REASONS)
