"""Cutting a model's vocabulary down to what some languages need.

The embedding of NLLB's 256,206 tokens is 43 % of the 600M model and most of the work of a decoding step. Kept are

- control tokens, the tags of the languages, bytes, and what belongs to no script (digits, punctuation, symbols);
- for a language with ample sample text: the pieces that its text is made of, and those of at most two characters
  of its scripts, so that anything can still be spelled;
- for any other language: all pieces of its scripts.

The sentencepiece model keeps all its pieces; those that are cut become `UNUSED`. It segments with them as it does under
its own `SetVocabulary` (the vocabulary restriction of subword-nmt): text whose pieces were all kept is segmented as
before, by unigram models (the best path is still there, and no better one) as by BPE ones (merges pass through unused
pieces, and are undone only where they end in one).
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import regex
import sentencepiece
from sentencepiece import sentencepiece_model_pb2

from pipelines.translation.families import END, Family
from pipelines.translation.preparing.source_model import UNKNOWN, SourceModel
from schemas.languages import Language

AMPLE = 1_000_000  # characters: about 200,000 tokens, most of a language's pieces that any text will need
_HELD_OUT = 10  # every tenth English sentence
_SHORT = 2  # characters of pieces that are kept of a script whose languages have ample text
_CONTROL = ("<s>", "<pad>", END, UNKNOWN)
_Model: Any = sentencepiece_model_pb2.ModelProto  # type: ignore[attr-defined]  # made at run time
_Piece = _Model.SentencePiece
_MARKUP = regex.compile(r"<[^<>\s]+>")


@dataclass(frozen=True)
class Kept:
    """The ids of the tokens that stay, in their order; the scripts kept whole, the languages chosen by their text."""

    ids: tuple[int, ...]
    whole_scripts: tuple[str, ...]
    text_languages: tuple[str, ...]


def keep_all(model: SourceModel) -> Kept:
    """The whole vocabulary."""
    return Kept(tuple(range(len(model.tokens))), (), ())


def choose(
    model: SourceModel,
    tags: Sequence[str],
    languages: Mapping[str, Language],
    texts: Mapping[str, Sequence[str]],
    ample: int = AMPLE,
) -> Kept:
    """The tokens that `languages` (with English) need; `tags` are theirs, `texts` the sample text by language."""
    by_text = {code for code in languages if sum(map(len, texts.get(code, ()))) >= ample}
    whole = sorted(
        {script for code in languages if code not in by_text for script in languages[code].scripts}
    )
    short = sorted({script for code in by_text for script in languages[code].scripts} - set(whole))
    always = {*_CONTROL, *tags}
    for spm in {model.source_spm, model.target_spm}:
        processor = sentencepiece.SentencePieceProcessor(model_file=str(spm))
        always.update(processor.id_to_piece(id_) for id_ in range(len(processor)) if processor.is_byte(id_))
        for code in by_text:
            always.update(*processor.encode(list(texts[code]), out_type=str))
    pieces = text_pieces(model)
    patterns = [_of_scripts(whole, "*"), _of_scripts(short, f"{{0,{_SHORT}}}")]
    ids = [
        id_
        for id_, token in enumerate(model.tokens)
        if token in always or (token in pieces and any(p.fullmatch(token.replace("▁", "")) for p in patterns))
    ]
    return Kept(tuple(ids), tuple(whole), tuple(sorted(by_text)))


def hold_out(texts: Mapping[str, list[str]]) -> tuple[dict[str, list[str]], list[str]]:
    """Parts sample text into what chooses pieces, and English sentences that do not, and so can certify the choice."""
    english = texts["en"]
    if len(english) < _HELD_OUT:
        return dict(texts), english
    chosen = [sentence for index, sentence in enumerate(english) if index % _HELD_OUT]
    return {**texts, "en": chosen}, english[::_HELD_OUT]


def text_pieces(model: SourceModel) -> set[str]:
    """The pieces that text may be made of: no control tokens, no language tags, nothing like them."""
    return {
        piece.piece
        for spm in {model.source_spm, model.target_spm}
        for piece in _read(spm).pieces
        if piece.type in (_Piece.NORMAL, _Piece.BYTE, _Piece.USER_DEFINED)
        and not _is_markup(piece, model.family)
    }


def restrict_spm(spm: Path, family: Family, tokens: Container[str]) -> bytes:
    """A sentencepiece model that segments into `tokens` only, and finds no tag or other markup in a text."""
    proto = _read(spm)
    for piece in proto.pieces:
        if _is_markup(piece, family):
            piece.type = _Piece.CONTROL
        elif piece.type == _Piece.NORMAL and piece.piece not in tokens:
            piece.type = _Piece.UNUSED
    restricted: bytes = proto.SerializeToString()
    return restricted


def _read(spm: Path) -> Any:
    proto = _Model()
    proto.ParseFromString(spm.read_bytes())
    return proto


def _is_markup(piece: Any, family: Family) -> bool:
    """Whether a piece would be found in text although it is no text: MADLAD-400 has its tags as `USER_DEFINED`."""
    declared = piece.type == _Piece.USER_DEFINED and _MARKUP.fullmatch(piece.piece)
    return bool(declared or family.form.fullmatch(piece.piece))


def _of_scripts(scripts: Sequence[str], times: str) -> regex.Pattern[str]:
    """Text of these scripts' letters, `times` many, among characters that belong to no script."""
    shared = r"[\p{Common}\p{Inherited}]*+"
    letters = "".join(rf"\p{{Script={script}}}" for script in scripts)
    return regex.compile(f"{shared}(?:[{letters}]{shared}){times}" if letters else shared)
