"""More pieces for a SentencePiece BPE model, so that text in other languages takes fewer tokens.

As Chinese-LLaMA (arXiv 2304.08177) and LLaMA Beyond English (arXiv 2401.01055) did: a BPE model is trained on text of
the new languages, and the pieces that the base does not have are appended to its own.

The old pieces keep ids and scores, and the new ones score below them all, in the order in which they were learned. BPE
applies the merge of the greatest score first, so a text is first merged as the base would do it, and then further where
a new piece allows: a text in which no new piece occurs has the tokens that it always had. (Scores of zero for new
pieces, as scripts for this have them, would put these merges before the base's own.)

The languages are trained together, on as many bytes of each, so that what is shared among them (a script, names) is
learned once, and `pieces` is what the vocabulary grows by. Bytes, because they say as much in Chinese as in Turkish.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
from sentencepiece import sentencepiece_model_pb2

from pipelines.errors import UserError
from pipelines.tokenizers import open_tokenizer

_Model: Any = sentencepiece_model_pb2.ModelProto  # type: ignore[attr-defined]  # made at run time
_NORMAL = _Model.SentencePiece.NORMAL
_BPE = sentencepiece_model_pb2.TrainerSpec.BPE  # type: ignore[attr-defined]
_KINDS = {1: "Unigram", 3: "word", 4: "character"}
# of how text is cut before pieces are learned: as the base did it
_AS_THE_BASE = (
    "max_sentencepiece_length",
    "split_by_unicode_script",
    "split_by_whitespace",
    "split_by_number",
    "split_digits",
    "treat_whitespace_as_suffix",
    "allow_whitespace_only_pieces",
)
_COVERAGE = 0.9995  # of the text's characters; SentencePiece's own for Chinese. What is rarer stays bytes


def read_bpe(path: Path) -> Any:
    """The `ModelProto` of a SentencePiece BPE model. Raises `UserError` if it is another kind, or none."""
    open_tokenizer(path)  # which says what is wrong with what is no model
    model = _Model.FromString(path.read_bytes())
    if model.trainer_spec.model_type != _BPE:
        kind = _KINDS.get(model.trainer_spec.model_type, "other")
        raise UserError(
            f"tokenizer: {path} is a SentencePiece model of the {kind} kind; expected BPE, as LLaMA has: only merges "
            "can be appended without changing how other text is tokenised"
        )
    return model


def learn_pieces(base: Any, lines: Sequence[str], number: int, latin: bool) -> list[str]:
    """Up to `number` pieces that `base` lacks, best first; fewer if the lines have no more.

    First come characters, the frequent ones first, then merges in the order in which they were learned. A piece that
    could not occur, because older merges always come first, is left out: its embedding would never be trained. Pieces
    of ASCII alone are left out unless one of the languages is written in Latin letters: they come of English and of
    markup in the text, and would change how those are tokenised.
    """
    known = {piece.piece for piece in base.pieces}
    normalizer = sentencepiece.SentencePieceProcessor(model_proto=base.SerializeToString())
    lines = normalizer.normalize(list(lines))
    # merges that are known or cannot occur are learned as well, and take no place among `number`
    learned = number + len(known) + len(set().union(*lines))
    while True:
        found = _train(base, lines, learned)
        candidates = [
            piece
            for piece in found
            if piece not in known and (latin or len(piece) == 1 or not piece.replace("▁", "").isascii())
        ]
        pieces = _reachable(base, candidates, number)
        if len(pieces) == number or len(found) < learned:
            return pieces
        learned *= 2


def extend(base: Any, pieces: Sequence[str]) -> Any:
    """The model with further pieces, whose scores fall from below the least of the old ones."""
    model = _Model()
    model.CopyFrom(base)
    score = np.float32(min(piece.score for piece in base.pieces))
    for piece in pieces:
        # LLaMA's least score is -1e9, where float32 knows no steps of one
        score = min(score - np.float32(1), np.nextafter(score, np.float32(-np.inf)))
        model.pieces.add(piece=piece, score=float(score), type=_NORMAL)
    model.trainer_spec.vocab_size = len(model.pieces)
    return model


def _train(base: Any, lines: Sequence[str], number: int) -> list[str]:
    """The pieces of a BPE model of the lines, which are normalised: characters, then merges.

    The trainer draws nothing at random, and breaks ties by length and code points: the same lines give the same pieces.
    """
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=written,
        model_type="bpe",
        vocab_size=number + 1,  # with <unk>
        hard_vocab_limit=False,
        character_coverage=_COVERAGE,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        max_sentence_length=1 << 20,
        input_sentence_size=0,
        shuffle_input_sentence=False,
        num_threads=1,
        bos_id=-1,
        eos_id=-1,
        minloglevel=2,
        **{name: getattr(base.trainer_spec, name) for name in _AS_THE_BASE},
    )
    pieces = [piece.piece for piece in _Model.FromString(written.getvalue()).pieces if piece.type == _NORMAL]
    return sorted(pieces, key=lambda piece: len(piece) > 1)


def _reachable(base: Any, candidates: Sequence[str], number: int) -> list[str]:
    """The first `number` candidates without those that their own text is not tokenised into.

    Such a piece occurs nowhere: until something merges across its borders, its text is merged as it is by itself.
    """
    while True:
        chosen = list(candidates[:number])
        model = extend(base, chosen)
        model.normalizer_spec.Clear()
        model.normalizer_spec.add_dummy_prefix = model.normalizer_spec.remove_extra_whitespaces = False
        processor = sentencepiece.SentencePieceProcessor(model_proto=model.SerializeToString())
        found = processor.encode([piece.replace("▁", " ") for piece in chosen])
        dead = {
            piece for id, piece in enumerate(chosen, len(base.pieces)) if found[id - len(base.pieces)] != [id]
        }
        if not dead:
            return chosen
        candidates = [piece for piece in candidates if piece not in dead]
