"""A trimmed sentencepiece model segments kept text as before, and what is kept is what the languages need."""

from __future__ import annotations

from pathlib import Path

import pytest
import sentencepiece
import tiny_models
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.translation.families import FAMILIES
from pipelines.translation.preparing.source_model import SourceModel, read_source_model
from pipelines.translation.preparing.trimming import choose, hold_out, restrict_spm
from schemas.languages import LANGUAGES

SENTENCES = [row[code] for row in tiny_models.sentences() for code in tiny_models.CODES]


@pytest.fixture(scope="module", params=["unigram", "bpe"])
def spm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spm") / f"{request.param}.model"
    tiny_models.train_spm(path, kind=request.param)
    return path


@settings(max_examples=40)
@given(st.sets(st.sampled_from(SENTENCES), min_size=1, max_size=60))
def test_text_whose_pieces_are_kept_is_segmented_as_before(spm: Path, texts: set[str]) -> None:
    whole = sentencepiece.SentencePieceProcessor(model_file=str(spm))
    kept = {piece for text in texts for piece in whole.encode(text, out_type=str)}
    trimmed = sentencepiece.SentencePieceProcessor(model_proto=restrict_spm(spm, FAMILIES["nllb"], kept))
    for text in SENTENCES:
        before, after = whole.encode(text), trimmed.encode(text)
        if kept.issuperset(map(whole.id_to_piece, before)):
            assert after == before
        else:  # in smaller pieces, of which a character that was cut may be one: it is unknown then
            cut = {trimmed.id_to_piece(id_) for id_ in after if id_ != trimmed.unk_id()} - kept
            assert max(map(len, cut), default=0) <= 1


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> SourceModel:
    return read_source_model(tiny_models.nllb(tmp_path_factory.mktemp("trim") / "nllb"))


def tokens(model: SourceModel, texts: dict[str, list[str]], *codes: str, ample: int = 1_000_000) -> set[str]:
    languages = {code: LANGUAGES[code] for code in ("en", *codes)}
    tags = [language.flores for language in languages.values()]
    return {model.tokens[id_] for id_ in choose(model, tags, languages, texts, ample).ids}


def test_without_ample_text_scripts_are_kept_whole(model: SourceModel) -> None:
    kept = tokens(model, {"en": ["A few words."]}, "el")
    cut = set(model.tokens) - kept
    assert {"<s>", "<pad>", "</s>", "<unk>", "eng_Latn", "ell_Grek", "▁", ".", "▁the"} <= kept
    assert {"zho_Hans", "<mask>", "madeupword0"} <= cut
    letters = "".join(token for token in cut if token not in {"<mask>"} and "_" not in token)
    letters = letters.replace("madeupword", "")
    assert not any("a" <= letter <= "z" or "α" <= letter <= "ω" for letter in letters)
    assert any("\u4e00" <= letter <= "\u9fff" for letter in letters)


def test_with_ample_text_its_pieces_are_kept_and_what_spells_the_rest(model: SourceModel) -> None:
    processor = sentencepiece.SentencePieceProcessor(model_file=str(model.source_spm))
    sentences = [row["el"] for row in tiny_models.sentences()[:20]]
    kept = tokens(model, {"el": sentences}, "el", ample=500)
    assert kept.issuperset(piece for text in sentences for piece in processor.encode(text, out_type=str))
    greek = {token for token in model.tokens if any("α" <= letter <= "ω" for letter in token)}
    assert {token for token in greek if len(token.replace("▁", "")) <= 2} <= kept
    assert greek - kept  # English has no ample text: all of Latin stays


def test_the_certificate_is_on_text_that_chose_nothing() -> None:
    english = [f"sentence {number}" for number in range(25)]
    chosen, held_out = hold_out({"en": english, "el": ["α"]})
    assert sorted(chosen["en"] + held_out) == sorted(english)
    assert len(held_out) == 3
    assert chosen["el"] == ["α"]
