"""The families of models an engine may be of, and how each is told the languages.

| family | models | source | target begins with |
|---|---|---|---|
| nllb | NLLB-200 (arXiv 2207.04672) | `eng_Latn` pieces `</s>` | `zho_Hans` |
| m2m100 | M2M-100 (arXiv 2010.11125) | `__en__` pieces `</s>` | `__zh__` |
| madlad400 | MADLAD-400 (arXiv 2309.04662) | `<2zh>` pieces `</s>` | |
| marian | Marian, OPUS-MT | `>>zho<<` pieces `</s>`; no tag where there is one target only | |

NLLB's tag stands before the source, as in its authors' code (huggingface/transformers#22313 tells of the other way).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from dataclasses import dataclass

from schemas.languages import Language

END = "</s>"
AROUND = 2  # tokens that `Family.source` puts around the pieces, at most


@dataclass(frozen=True)
class Family:
    """Where language tags stand, and what they look like.

    With `tags_both`, the source begins with its own language's tag and the target with its own; otherwise the source
    begins with the target's tag.
    """

    name: str
    tags_both: bool
    form: re.Pattern[str]
    names: Callable[[str, Language], tuple[str, ...]]

    def tag(self, code: str, language: Language, vocabulary: Container[str]) -> str | None:
        """The tag of a language as this vocabulary has it; None if it has none."""
        return next((tag for tag in self.names(code, language) if tag in vocabulary), None)

    def source(self, pieces: list[str], source_tag: str, target_tag: str) -> list[str]:
        """The tokens of a source text; an empty tag is left out."""
        first = source_tag if self.tags_both else target_tag
        return [first, *pieces, END] if first else [*pieces, END]

    def prefix(self, target_tag: str) -> list[str]:
        """The tokens that a target begins with."""
        return [target_tag] if self.tags_both else []


def _marian(code: str, language: Language) -> tuple[str, ...]:
    names = [language.flores, language.flores.partition("_")[0], code]
    # the Tatoeba Challenge, from which OPUS-MT has its tags, says cmn where FLORES says zho
    names += [name.replace("zho", "cmn") for name in names if name.startswith("zho")]
    return tuple(f">>{name}<<" for name in names)


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family("nllb", True, re.compile(r"[a-z]{3}_[A-Z][a-z]{3}"), lambda _, language: (language.flores,)),
        Family("m2m100", True, re.compile(r"__[a-z]{2,3}__"), lambda code, _: (f"__{code}__",)),
        Family("madlad400", False, re.compile(r"<2[A-Za-z_]+>"), lambda code, _: (f"<2{code}>",)),
        Family("marian", False, re.compile(r">>[A-Za-z_]+<<"), _marian),
    )
}
