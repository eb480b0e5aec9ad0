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


# Written Cantonese and Wu, much of which the model takes for Chinese (35 of 40 rows): characters that written Mandarin
# does not use, and words that stand across its word boundaries too (清|朝早|期, 然|而家|属), which need a second sign
_CANTONESE = re.compile("[嘅咗喺啲嗰哋嚟冇瞓攞嘢噉咁唔佢嘥嗌嬲㗎啱睇諗攰喎啫咩搵噚]|晏[晝昼]")
_CANTONESE_WORDS = re.compile(
    "呢[個个張张次種种隻间間件部位]|依家|而家|成個|成个|點解(?![決析])|幾多|阿媽|邊度|边度|邊個|聽日(?!本)|細路|我地|你地|(?<![關干])係(?![數列])"
    "|[女男]仔|仲(?:有|係|要|未|可以|想|會)|朝早|鍾意|但系|屋企|琴日|同埋(?![葬藏伏怨])|[點点]樣|[俾畀揸乜]"
)
_WU, _WU_WORDS = re.compile("[侬搿]"), re.compile("勿是|勿要(?!求)|(?<![军軍叙敘故赛賽民人兹茲刑])事体")
_SIGN = 0.02  # probability that the model gives to the language, or its neighbour, of such a word
_KANA = re.compile("[\u3041-\u30fa]")
HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"  # the inside of a character class
_NO_HAN = re.compile(f"[^{HAN}]+")


def chinese(text: str, probabilities: Mapping[str, float]) -> Identified | None:
    """Which Chinese language a text is; `None` if it is not mostly Han characters, or has kana.

    Only Chinese languages are written in Han characters alone, so what the model gives to others counts as Chinese.
    """
    suspected = probabilities.get("yue", 0.0) + probabilities.get("wuu", 0.0) >= _SIGN
    for code, characters, words in (("yue", _CANTONESE, _CANTONESE_WORDS), ("wuu", _WU, _WU_WORDS)):
        signs = set(words.findall(text))
        if characters.search(text) or len(signs) > 1 or (signs and suspected):
            return Identified(code, 1.0, 0.0)
    if _KANA.search(text) or 2 * len(_NO_HAN.sub("", text)) < len(text):
        return None
    shares = {code: probabilities.get(code, 0.0) for code in ("yue", "wuu")}
    shares["zh"] = max(0.0, 1.0 - sum(shares.values()))
    top = max(shares, key=lambda code: shares[code])
    return Identified(top, shares[top], shares["zh"])


_DEVANAGARI = "[\u0900-\u0963]"  # letters and signs, without the full stop and digits


def _words(*words: str) -> str:
    r"""A pattern of whole Devanagari words: `\b` takes vowel signs for their ends."""
    return rf"(?<!{_DEVANAGARI})(?:{'|'.join(words)})(?!{_DEVANAGARI})"


# Nepali: its verbs, and its plural before the postpositions that it takes
_NEPALI = re.compile(
    _words("छु", "छन्", "छौं", "छैन", "हुन्छ", "भएको", "गरेको", "थियो", "धेरै", "गर्न", f"{_DEVANAGARI}+र्‍यो")
    # Nehru is no plural
    + f"|{_DEVANAGARI}(?<!ने)हर[ूु](?:को|का|की|ले|मा|लाई|बाट)?(?!{_DEVANAGARI})"
    + f"|(?<!{_DEVANAGARI})छ(?:[।\\s]*$|।)"  # elsewhere it is Hindi's six
)
# Hindi: pronouns, verbs and particles that its neighbours in Devanagari do not have; one may be a name's or a title's
# part (the party आप), two are the sentence's own
_HINDI = re.compile(
    _words(
        "है", "हैं", "हूँ", "हूं", "था", "थी", "थे", "गया", "गये", "गए", "गई", "रहा", "रही", "नहीं", "में", "और",
        "मैं", "मुझे", "तुम", "तुम्हें", "तुम्हे", "तुमने", "आपको", "आपने", "हम", "हमने", "हमें", "यह", "वह", "वे",
        "उसने", "उसको", "उसकी", "उसका", "क्या", "कुछ",
    )
)  # fmt: skip
_MARATHI = re.compile(
    _words(
        "आहे", "आहेत", "नाही", "नाहीत", "आणि", "केले", "केली", "केला", "झाले", "झाली",
        "झाला", "मध्ये", "मधील", "यांनी", "त्यांनी", "त्याने", "म्हणून",
    )
)  # fmt: skip
_NEIGHBOURS = ("hi", "mr", "ne", "sa", "gom", "new")  # Bhojpuri shares too many of these words


def hindi(text: str, probabilities: Mapping[str, float]) -> Identified | None:
    """Nepali by its own words; and Hindi by its own, where what the model gives to its neighbours counts as Hindi."""
    if _NEPALI.search(text):
        return Identified("ne", 1.0, 0.0)
    if len(set(_HINDI.findall(text))) > 1 and not _MARATHI.search(text):
        share = min(1.0, sum(probabilities.get(code, 0.0) for code in _NEIGHBOURS))
        if share >= 0.5:
            return Identified("hi", share, share)
    return None


_ARABIC = re.compile("[\u0621-\u063a\u0641-\u064a]")
# letters and the full stop of Persian, Urdu, Pashto, Kurdish and Uyghur, and letters of another script
_NOT_ARABIC = re.compile("[\u0670-\u06ff]|(?![\u0600-\u066f])[^\\W\\d_]")
_FEW_WORDS = 5
_SOME = 0.1


def arabic(text: str, probabilities: Mapping[str, float]) -> Identified | None:
    """A few words in Arabic's own letters, which the model often calls Persian, are Arabic if it finds that possible.

    At .1, of 5,424 such sentences of Tatoeba 99.6 % are taken for Arabic, and of 39 Persian lines without a letter of
    their own 14.
    """
    if len(text.split()) > _FEW_WORDS or _NOT_ARABIC.search(text) or not _ARABIC.search(text):
        return None
    own = min(1.0, probabilities.get("ar", 0.0) + probabilities.get("arz", 0.0))
    return Identified("ar", max(own, 0.5), max(own, 0.5)) if own >= _SOME else None


BY_CLAIMED: dict[str, Callable[[str, Mapping[str, float]], Identified | None]] = {
    "ar": arabic,
    "hi": hindi,
    "zh": chinese,
}
