"""The languages: one table maps codes, scripts and the few numbers that differ from language to language.

Paths and columns use ISO 639-1 codes (`zh`); FLORES-200 codes (`zho_Hans`) are for the NLLB engine alone.
Further languages come from the run configuration (`languages:`).
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Language(BaseModel):
    """One language.

    `scripts` are Unicode script names, as Java's regular expressions know them (`Latin`, `Han`, ...).
    `char_factor` is characters of English divided by characters of this language for the same content, measured on
    the 240 paragraphs of XQuAD (FLORES serves as well): multiplying a length by it makes lengths comparable
    (stopes' `length_factors`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="English name, as prompts use it")
    flores: str = Field(description="FLORES-200 code")
    scripts: tuple[str, ...] = Field(min_length=1, description="Unicode scripts its letters belong to")
    char_factor: float = Field(
        default=1.0, gt=0, description="characters of English per character of this language"
    )
    spaced: bool = Field(default=True, description="whether words are parted by spaces")
    shingle: int = Field(
        default=5, ge=1, le=32, description="characters in a shingle for near-duplicate detection"
    )
    lid_labels: tuple[str, ...] = Field(
        default=(),
        description="labels of the LID model that count as this language (default: the code itself)",
    )


def _language(name: str, flores: str, script: str, factor: float = 1.0, **more: object) -> Language:
    return Language.model_validate(
        {"name": name, "flores": flores, "scripts": tuple(script.split("+")), "char_factor": factor, **more}
    )


LANGUAGES: dict[str, Language] = {
    "en": _language("English", "eng_Latn", "Latin"),
    # the six target languages of the paper (arXiv 2308.04948, Table 1)
    "ar": _language("Arabic", "arb_Arab", "Arabic", 1.15, lid_labels=("ar", "arz")),
    "el": _language("Greek", "ell_Grek", "Greek", 0.88),
    "hi": _language("Hindi", "hin_Deva", "Devanagari", 1.02),
    "tr": _language("Turkish", "tur_Latn", "Latin", 1.0),
    "vi": _language("Vietnamese", "vie_Latn", "Latin", 0.98),
    "zh": _language("Chinese", "zho_Hans", "Han", 3.1, spaced=False, shingle=3),
    # others that WikiMatrix has and users ask for; factors rounded, to be refined by config
    "de": _language("German", "deu_Latn", "Latin", 0.9),
    "es": _language("Spanish", "spa_Latn", "Latin", 0.9),
    "fr": _language("French", "fra_Latn", "Latin", 0.9),
    "id": _language("Indonesian", "ind_Latn", "Latin", 0.95),
    "it": _language("Italian", "ita_Latn", "Latin", 0.93),
    "ja": _language("Japanese", "jpn_Jpan", "Han+Hiragana+Katakana", 2.4, spaced=False, shingle=3),
    "ko": _language("Korean", "kor_Hang", "Hangul", 2.0, shingle=3),
    "nl": _language("Dutch", "nld_Latn", "Latin", 0.93),
    "pl": _language("Polish", "pol_Latn", "Latin", 0.95),
    "pt": _language("Portuguese", "por_Latn", "Latin", 0.95),
    "ru": _language("Russian", "rus_Cyrl", "Cyrillic", 0.95),
    "th": _language("Thai", "tha_Thai", "Thai", 1.1, spaced=False, shingle=3),
    "uk": _language("Ukrainian", "ukr_Cyrl", "Cyrillic", 1.0),
}
