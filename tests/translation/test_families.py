"""Each family, converted and translated with, says what transformers says with the tokens put in by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import sentencepiece
import tiny_models
import torch
from transformers import AutoModelForSeq2SeqLM

from pipelines.errors import UserError
from pipelines.prepare import build_engine, find_tags
from pipelines.translation.engine import Engine
from pipelines.translation.preparing.source_model import SourceModel, read_source_model
from pipelines.translation.preparing.trimming import Kept, choose, keep_all
from schemas.languages import LANGUAGES
from schemas.translation_config import Decoding

TEXTS = [row["en"] for row in tiny_models.sentences()[:6]]
GREEDY = Decoding(beam_size=1, max_decoding_length=12)
LANGUAGES_OF = {
    "nllb": ("el", "zh"),
    "m2m100": ("el", "zh"),
    "madlad400": ("el", "zh"),
    "marian": ("el", "zh"),
}


def models(name: str, folder: Path) -> SourceModel:
    make: dict[str, Callable[[Path], Path]] = {
        "nllb": tiny_models.nllb,
        "m2m100": tiny_models.m2m100,
        "madlad400": tiny_models.madlad400,
        "marian": lambda path: tiny_models.marian(path, [">>ell<<", ">>cmn_Hans<<"]),
    }
    return read_source_model(make[name](folder / name))


def made(model: SourceModel, kept: Kept, folder: Path) -> Engine:
    languages = {code: LANGUAGES[code] for code in ("en", *LANGUAGES_OF[model.family.name])}
    return build_engine(model, kept, "float32", find_tags(model, languages), folder)


def by_hand(name: str, model: SourceModel, kept: Sequence[int], target: str) -> list[list[str]]:
    """Greedy search of transformers, with ids as the authors of each family put them; only ids in `kept` may come."""
    network = AutoModelForSeq2SeqLM.from_pretrained(model.path).eval()
    processor = sentencepiece.SentencePieceProcessor(model_file=str(model.source_spm))
    ids = {token: id_ for id_, token in enumerate(model.tokens)}
    tag = {
        "nllb": LANGUAGES[target].flores,
        "m2m100": f"__{target}__",
        "madlad400": f"<2{target}>",
        "marian": {"el": ">>ell<<", "zh": ">>cmn_Hans<<"}[target],
    }[name]
    start = [network.config.decoder_start_token_id] + ([ids[tag]] if name in ("nllb", "m2m100") else [])
    first = {"nllb": "eng_Latn", "m2m100": "__en__"}.get(name, tag)
    forbidden = torch.ones(len(model.tokens), dtype=torch.bool)
    forbidden[list(kept)] = False
    if name == "marian":
        forbidden[ids["<pad>"]] = True  # as its generation_config says
    found = []
    for text in TEXTS:
        pieces = [ids.get(piece, ids["<unk>"]) for piece in processor.encode(text, out_type=str)]
        source = torch.tensor([[ids[first], *pieces, ids["</s>"]]])
        target_ids = list(start)
        for _ in range(GREEDY.max_decoding_length):
            with torch.no_grad():
                logits = network(input_ids=source, decoder_input_ids=torch.tensor([target_ids])).logits[0, -1]
            best = int(logits.masked_fill(forbidden, -torch.inf).argmax())
            target_ids.append(best)
            if best == ids["</s>"]:
                break
        found.append([model.tokens[id_] for id_ in target_ids[len(start) :]])
    return found


@pytest.mark.parametrize("trimmed", [False, True])
@pytest.mark.parametrize("name", list(LANGUAGES_OF))
def test_the_engine_says_what_transformers_says(name: str, trimmed: bool, tmp_path: Path) -> None:
    model = models(name, tmp_path)
    languages = {code: LANGUAGES[code] for code in ("en", "el", "zh")}
    sources, targets = find_tags(model, languages)
    tags = sorted({*sources.values(), *targets.values()} - {""})
    kept = choose(model, tags, languages, {}) if trimmed else keep_all(model)
    assert (len(kept.ids) < len(model.tokens)) == trimmed
    engine = made(model, kept, tmp_path / "engine")
    for target in ("el", "zh"):
        expected = by_hand(name, model, kept.ids, target)
        assert len({tuple(tokens) for tokens in expected}) > 1  # else the source would not matter
        found = engine.translate(TEXTS, "en", target, GREEDY)
        for tokens, translation in zip(expected, found, strict=True):
            ended = tokens[-1] == "</s>"
            text, unknown = engine._tokens.decode(tokens[:-1] if ended else tokens)
            assert (translation.text, translation.target_unknown) == (text, unknown)
            assert translation.target_truncated == (not ended)


def test_a_bilingual_model_needs_no_tag_and_one_language(tmp_path: Path) -> None:
    model = read_source_model(tiny_models.marian(tmp_path / "marian"))
    assert find_tags(model, {code: LANGUAGES[code] for code in ("en", "el")}) == ({"en": ""}, {"el": ""})
    with pytest.raises(UserError, match="translates into one language; --languages names 2"):
        find_tags(model, {code: LANGUAGES[code] for code in ("en", "el", "zh")})


@pytest.mark.parametrize("name", list(LANGUAGES_OF))
def test_a_language_that_the_model_does_not_know_is_refused(name: str, tmp_path: Path) -> None:
    nowhere = LANGUAGES["de"].model_copy(update={"flores": "xxx_Latn"})
    with pytest.raises(UserError, match="has no tag for xx"):
        find_tags(models(name, tmp_path), {"en": LANGUAGES["en"], "xx": nowhere})


def test_tags_in_a_text_are_text_although_the_published_model_finds_them(tmp_path: Path) -> None:
    model = read_source_model(tiny_models.madlad400(tmp_path / "madlad"))
    text = "Is <2el> a tag?"
    published = sentencepiece.SentencePieceProcessor(model_file=str(model.source_spm))
    assert "<2el>" in published.encode(text, out_type=str)
    (pieces,) = made(model, keep_all(model), tmp_path / "engine")._tokens.encode([text])
    assert "<2el>" not in pieces.tokens
    assert not pieces.unknown


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda path: (path / "config.json").unlink(), "config.json is missing"),
        (lambda path: (path / "model.safetensors").unlink(), "has no weights"),
        (lambda path: (path / "sentencepiece.bpe.model").unlink(), "its sentencepiece model, is missing"),
        (lambda path: (path / "sentencepiece.bpe.model").write_bytes(b"no"), "is no sentencepiece model"),
        (lambda path: (path / "config.json").write_text('{"model_type": "llama"}'), "is of type 'llama'"),
        (
            lambda path: tiny_models.train_spm(path / "sentencepiece.bpe.model", size=1600),
            "belongs to another model",
        ),
        (
            lambda path: (path / "tokenizer.json").write_text(
                '{"added_tokens": [{"id": 1500, "content": "eng_Latn"}]}'
            ),
            "tokenizer.json has 'eng_Latn' at 1500",
        ),
    ],
)
def test_a_model_that_is_not_whole(spoil: Callable[[Path], object], problem: str, tmp_path: Path) -> None:
    path = tiny_models.nllb(tmp_path / "nllb")
    spoil(path)
    with pytest.raises(UserError) as error:
        read_source_model(path)
    assert problem in str(error.value)
