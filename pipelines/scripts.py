"""How much of a text is in the script of its language."""

from __future__ import annotations

from functools import lru_cache

import regex

from schemas.languages import Language

_LETTER = regex.compile(r"\p{L}")


def script_share(text: str, language: Language) -> float | None:
    """Share of the language's own scripts among the letters, as cleaning scores it (pipelines/cleaning/rules.py).

    Own letters count by the language's factor: a Chinese character says as much as three letters of a foreign name.
    None without letters.
    """
    letters = len(_LETTER.findall(text))
    if not letters:
        return None
    own = len(_own(language.scripts).findall(text))
    weight = own * language.char_factor
    return weight / (weight + letters - own)


@lru_cache(maxsize=64)
def _own(scripts: tuple[str, ...]) -> regex.Pattern[str]:
    own = "".join(rf"\p{{Script={script}}}" for script in (*scripts, "Common", "Inherited"))
    return regex.compile(rf"(?V1)[\p{{L}}&&[{own}]]")
