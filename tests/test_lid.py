"""Language identification with the real model, and the script of Chinese."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.close_languages import Identified
from pipelines.errors import UserError
from pipelines.lid import chinese_script, default_model, identify, load_model
from schemas.languages import LANGUAGES

SAMPLES = Path(__file__).parents[1] / "samples" / "text"
CONFIRMED = 0.2  # the default threshold on the claimed language's probability


@pytest.fixture(scope="module")
def model() -> Any:
    return load_model(str(default_model()))


def one(model: Any, text: str, *claimed: str) -> Identified:
    (found,) = identify(model, [text], claimed)
    assert found is not None
    return found


def confirmed(found: Identified, *claimed: str) -> bool:
    return found.label in claimed or found.claimed >= CONFIRMED


@pytest.mark.parametrize("language", ["en", "ar", "el", "hi", "tr", "vi", "zh"])
def test_clean_sentences_are_confirmed_in_their_language(model: Any, language: str) -> None:
    records = [
        json.loads(line) for path in sorted(SAMPLES.glob("*.jsonl")) for line in path.open(encoding="utf-8")
    ]
    labels = LANGUAGES[language].lid_labels or (language,)
    found = identify(model, [record[language] for record in records], labels)
    assert sum(result is not None and confirmed(result, *labels) for result in found) >= 0.99 * len(found)


@pytest.mark.parametrize(
    ("claimed", "text"),
    [
        ("hi", "मला आज सकाळी लवकर उठायचे होते, पण गजर वाजलाच नाही."),
        ("hi", "त्याने आपल्या आईला पत्र लिहिले आणि ते पेटीत टाकले."),
        ("hi", "उसले आफ्नी आमालाई चिठी लेख्यो र हुलाकमा खसाल्यो।"),
        ("ar", "ما فردا صبح زود به اصفهان می‌رویم و شب برمی‌گردیم."),
        ("ar", "این کتاب را از کتابخانه گرفته‌ام."),
        ("ar", "ہم کل صبح سویرے لاہور جائیں گے اور شام کو واپس آئیں گے۔"),
        ("zh", "明日の朝早く京都へ行って、夜に帰ってきます。"),
        ("tr", "Sabah tezdən Bakıya gedirik və axşam qayıdacağıq."),
        ("en", "Yarın sabah erkenden Bursa'ya gidiyoruz."),
        ("vi", "Besok pagi kami akan pergi ke pasar bersama ibu."),
        ("el", "Завтра утром мы едем в деревню."),
    ],
)
def test_close_and_foreign_languages_are_not_confirmed(model: Any, claimed: str, text: str) -> None:
    labels = LANGUAGES[claimed].lid_labels or (claimed,)
    assert not confirmed(one(model, text, *labels), *labels)


@pytest.mark.parametrize(
    ("claimed", "text"),
    [
        # Hindi with Nepali's endings inside its words
        ("hi", "सभी विद्यार्थियों को समय पर विद्यालय आना चाहिए।"),
        ("hi", "बूढ़े रोगियों में सहरुग्णता अधिक पाई जाती है।"),
        ("hi", "मेरे दादा ने नेहरू को एक बार देखा था।"),
        ("hi", "छ दिन बाद हम घर लौटेंगे।"),
        # short ones that the model calls Marathi, Bhojpuri or Persian
        ("hi", "क्या तुम थक गये हो?"),
        ("hi", "हम आपको भूल नहीं सकते."),
        ("ar", "رفضت دعوتها."),
        ("ar", "اتصلت بها أمس."),
        ("ar", "انا مسافر غدا"),
        # Mandarin with characters that stand in the neighbours' words
        ("zh", "他去年冬天去了阿拉斯加。"),
        ("zh", "工作很重要，而家庭更重要。"),
        ("zh", "这种关系数据库很常见。"),
        ("zh", "中国军事体制改革已经开始。"),
        ("zh", "清朝早期的货币主要是铜钱。"),
        ("zh", "然而家族企业很难传到第三代。"),
        ("zh", "杜仲有补肾的作用。"),
        ("zh", "我們必須重點解決這個問題。"),
        ("zh", "他每天聽日本音樂。"),
        ("zh", "夫妻二人一同埋葬在山上。"),
        ("zh", "請勿要求退款。"),
    ],
)
def test_what_only_looks_like_a_neighbour_is_confirmed(model: Any, claimed: str, text: str) -> None:
    labels = LANGUAGES[claimed].lid_labels or (claimed,)
    assert confirmed(one(model, text, *labels), *labels)


@pytest.mark.parametrize(
    ("claimed", "text"),
    [
        ("ar", "سلام دوست من، چطوری؟"),
        ("ar", "من در خانه هستم"),
        ("ar", "هوا امروز سرد است"),
        ("hi", "आप पक्षाने दिल्लीत सरकार स्थापन केले."),
        ("hi", "त्यांनी 'वह कौन थी' या चित्रपटात काम केले आहे."),
        ("ar", "گربه سیاه است."),
        ("hi", "तो काल घरी आला."),
    ],
)
def test_short_texts_of_a_neighbour_are_not_confirmed(model: Any, claimed: str, text: str) -> None:
    labels = LANGUAGES[claimed].lid_labels or (claimed,)
    assert not confirmed(one(model, text, *labels), *labels)


@pytest.mark.parametrize("text", ["हामी भोलि बिहानै पोखरा जाने योजना बनाएका छौं।", "मलाई यो किताब धेरै मन पर्‍यो।"])
def test_nepali_is_not_confirmed_as_hindi(model: Any, text: str) -> None:
    assert not confirmed(one(model, text, "hi"), "hi")


@pytest.mark.parametrize(
    "text",
    [
        "佢哋今日唔喺屋企，我哋聽日再嚟啦。",
        "你食咗飯未呀？",
        "呢個係邊個嘅電話？",
        "好多女仔都讀過呢本書。",
        "全世界而家有五百個城市。",
        "呢次旅行由我母親帶隊。",
        "我朝早八點食早餐。",
    ],
)
def test_cantonese_is_told_by_its_characters_where_chinese_is_claimed(model: Any, text: str) -> None:
    assert one(model, text, "zh") == Identified("yue", 1.0, 0.0)


@pytest.mark.parametrize("text", ["侬今朝夜里到啥地方去？", "搿本书是阿拉爷爷个。"])
def test_wu_is_told_by_its_characters_where_chinese_is_claimed(model: Any, text: str) -> None:
    assert one(model, text, "zh") == Identified("wuu", 1.0, 0.0)


@pytest.mark.parametrize("text", ["他今天不在家，我们明天再来吧。", "他今天不在家，我們明天再來吧。"])
def test_mandarin_in_either_script_is_confirmed(model: Any, text: str) -> None:
    assert confirmed(one(model, text, "zh"), "zh")


def test_japanese_without_kana_counts_as_chinese_where_chinese_is_claimed(model: Any) -> None:
    text = "日本銀行金融政策決定会合"
    plain = one(model, text, "xx")
    assert plain.label == "ja"  # what the model says by itself
    assert one(model, text, "zh").label == "zh"
    assert one(model, text, "zh").claimed >= plain.prob


@pytest.mark.parametrize("text", ["この本は図書館で借りました。", "東京都知事選挙の結果発表"])
def test_japanese_with_kana_stays_japanese(model: Any, text: str) -> None:
    found = one(model, text, "zh")
    assert found.label == "ja"
    assert found.claimed < CONFIRMED


def test_probabilities_of_all_claimed_labels_add_up(model: Any) -> None:
    text = "مش عارف أعمل ايه النهارده يا صاحبي"
    apart = [one(model, text, label).claimed for label in ("ar", "arz")]
    assert min(apart) > 0
    assert one(model, text, "ar", "arz").claimed == pytest.approx(min(1.0, sum(apart)), abs=1e-6)


def test_empty_texts_have_no_language_and_keep_their_place(model: Any) -> None:
    found = identify(model, ["", "The train leaves at nine.", ""], ("en",))
    assert [result and result.label for result in found] == [None, "en", None]


@pytest.mark.parametrize("text", [" ", "123 456", "!?…", "😀", "a\nb", "\u0001"])
def test_a_text_without_words_has_some_language_and_probabilities_in_range(model: Any, text: str) -> None:
    found = one(model, text, "en")
    assert found.label
    assert 0 <= found.claimed <= 1
    assert 0 <= found.prob <= 1


def test_a_line_break_does_not_change_the_language(model: Any) -> None:
    text = "The train to the coast leaves from platform four."
    assert one(model, text.replace(" ", "\n"), "en") == one(model, text, "en")


@pytest.mark.parametrize("data", [b"", b"this is no model"])
def test_a_file_that_is_no_model_is_an_error_for_the_person(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "model.ftz"
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"model\.ftz"):
        load_model(str(path))


def test_a_model_that_is_missing_is_an_error_for_the_person(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere"):
        load_model(str(tmp_path / "nowhere.bin"))


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("他们发现这里的问题", "Hans"),
        ("他們發現這裡的問題", "Hant"),
        ("简体字和繁體字", "mixed"),
        ("中文", "either"),
        ("GDP增长了3%", "Hans"),
        ("Hello", None),
        ("123", None),
        ("", None),
        ("かな", None),
    ],
)
def test_the_script_of_chinese_is_told_by_its_characters(text: str, script: str | None) -> None:
    assert chinese_script(text) == script


def test_a_single_stray_character_does_not_make_a_long_text_mixed() -> None:
    assert chinese_script("他们发现这里的问题很复杂，应该马上处理，這") == "Hans"


def test_the_samples_are_in_simplified_characters() -> None:
    records = [json.loads(line) for line in (SAMPLES / "encyclopedia.jsonl").open(encoding="utf-8")]
    assert {chinese_script(record["zh"]) for record in records} <= {"Hans", "either"}
