"""Languages that fastText's lid.176 takes for one another, told apart by characters and words of their own.

Each function looks at a text claimed to be in its language, and at the probabilities that the model gave; `None`
leaves the word to the model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple


class Identified(NamedTuple):
    """The most probable language, its probability, and the claimed language's probability."""

    label: str
    prob: float
    claimed: float


# Written Cantonese and Wu, much of which the model takes for Chinese (35 of 40 rows): characters and words that written
# Mandarin does not use
_CANTONESE = re.compile(
    "[嘅咗喺啲嗰哋嚟冇瞓攞嘢噉咁唔佢嘥嗌嬲㗎啱睇諗俾畀揸攰喎啫咩乜搵]|點樣|点样|呢[個个張张次種种隻间間件部位]|依家|同埋|成個|成个|點解|幾多"
    "|阿媽|邊度|边度|邊個|聽日|噚日|琴日|細路|我地|你地|(?<![關干])係(?![數列])|而家(?![庭長长人中裡里])|[女男]仔|屋企"
    "|仲(?:有|係|要|未|可以|想|會)|朝早|晏[晝昼]|鍾意|但系(?![统統列数])"
)
_WU = re.compile("[侬搿]|勿是|勿要|事体")
_KANA = re.compile("[\u3041-\u30fa]")
_NO_HAN = re.compile("[^\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]+")


def chinese(text: str, probabilities: Mapping[str, float]) -> Identified | None:
    """Which Chinese language a text is; `None` if it is not mostly Han characters, or has kana.

    Only Chinese languages are written in Han characters alone, so what the model gives to others counts as Chinese.
    """
    if _CANTONESE.search(text):
        return Identified("yue", 1.0, 0.0)
    if _WU.search(text):
        return Identified("wuu", 1.0, 0.0)
    if _KANA.search(text) or 2 * len(_NO_HAN.sub("", text)) < len(text):
        return None
    shares = {code: probabilities.get(code, 0.0) for code in ("yue", "wuu")}
    shares["zh"] = max(0.0, 1.0 - sum(shares.values()))
    top = max(shares, key=lambda code: shares[code])
    return Identified(top, shares[top], shares["zh"])


def _words(*words: str) -> str:
    r"""A pattern of whole Devanagari words: `\b` takes vowel signs for their ends."""
    return rf"(?<![\u0900-\u0963])(?:{'|'.join(words)})(?![\u0900-\u0963])"


# Nepali: its verbs, and its plural before the postpositions that it takes
_NEPALI = re.compile(
    _words("छु", "छन्", "छौं", "छैन", "हुन्छ", "भएको", "गरेको", "थियो", "धेरै", "गर्न", "[\u0900-\u0963]+र्‍यो")
    # Nehru is no plural
    + "|[\u0900-\u0963](?<!ने)हर[ूु](?:को|का|की|ले|मा|लाई|बाट)?(?![\u0900-\u0963])"
    + "|(?<![\u0900-\u0963])छ(?:[।\\s]*$|।)"  # elsewhere it is Hindi's six
)
# Hindi: pronouns, verbs and particles that its neighbours in Devanagari do not have
_HINDI = re.compile(
    _words(
        "है", "हैं", "हूँ", "हूं", "था", "थी", "थे", "गया", "गये", "गए", "गई", "रहा", "रही", "नहीं", "में", "और",
        "मैं", "मुझे", "तुम", "तुम्हें", "तुम्हे", "तुमने", "आप", "आपको", "आपने", "हम", "हमने", "हमें", "यह", "वह", "वे",
        "उसने", "उसको", "उसकी", "उसका", "क्या", "कुछ",
    )
)  # fmt: skip
_NEIGHBOURS = ("hi", "mr", "ne", "sa", "gom", "new")  # Bhojpuri shares too many of these words


def hindi(text: str, probabilities: Mapping[str, float]) -> Identified | None:
    """Nepali by its own words; and Hindi by its own, where what the model gives to its neighbours counts as Hindi."""
    if _NEPALI.search(text):
        return Identified("ne", 1.0, 0.0)
    if _HINDI.search(text):
        share = min(1.0, sum(probabilities.get(code, 0.0) for code in _NEIGHBOURS))
        if share >= 0.5:
            return Identified("hi", share, share)
    return None


_ARABIC = re.compile("[\u0621-\u063a\u0641-\u064a]")
# letters of Persian, Urdu, Pashto, Kurdish and Uyghur, and any of another script
_NOT_ARABIC = re.compile("[\u0670-\u06d3\u06d5-\u06ff\u0750-\u077f]|(?![\u0600-\u06ff])[^\\W\\d_]")
_FEW_WORDS = 5


def arabic(text: str, probabilities: Mapping[str, float]) -> Identified | None:
    """A few words in Arabic's own letters are Arabic, whatever the model says: for short ones it often says Persian."""
    if len(text.split()) > _FEW_WORDS or _NOT_ARABIC.search(text) or not _ARABIC.search(text):
        return None
    return Identified("ar", 1.0, 1.0)


BY_CLAIMED: dict[str, Callable[[str, Mapping[str, float]], Identified | None]] = {
    "ar": arabic,
    "hi": hindi,
    "zh": chinese,
}
