"""The engine: what it does with any text, with long ones, with mixed languages, and whatever the batches."""

from __future__ import annotations

import pickle
import shutil
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from demo_engine import DEMO, directory, engine, known
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import UserError
from pipelines.translation.engine import Engine, Request, Translation, load_engine
from pipelines.translation.engine_files import EngineDirectory, read_vocabulary
from pipelines.translation.memory import TranslationMemory
from pipelines.translation.tokens import TextTokens
from pipelines.translation.translate_missing import TranslateBatches
from schemas.translation_config import Decoding, EngineConfig

GREEDY = Decoding(beam_size=1, max_decoding_length=64)
CONTROL = ("</s>", "<s>", "<unk>", "<pad>", "eng_Latn", "zho_Hans", "ell_Grek", "<mask>")


@pytest.fixture(scope="module")
def demo() -> Engine:
    return engine()


@pytest.fixture(scope="module")
def tokens() -> TextTokens:
    found = directory()
    return TextTokens(found.source_spm, found.target_spm, read_vocabulary(DEMO), found.manifest)


def some(language: str, count: int) -> list[str]:
    return list(islice(known()[language], count))


@pytest.mark.parametrize("decoding", [Decoding(), Decoding(beam_size=1), Decoding(no_repeat_ngram_size=3)])
def test_batches_do_not_change_translations(decoding: Decoding) -> None:
    # known ones and such that make the engine ramble, short and long
    texts = some("el", 40) + [
        f"{text} {text[::-1]}"[:length] for text in some("el", 30) for length in (20, 90)
    ]
    alone = engine(budget=64).translate(texts, "en", "el", decoding)
    for threads, budget in ((1, 300), (2, 1000), (2, 100_000), (1, None)):
        together = engine(threads, budget).translate(texts, "en", "el", decoding)
        assert [t.text for t in together] == [t.text for t in alone]
        assert [t.score for t in together] == pytest.approx([t.score for t in alone], abs=0.0101)
        assert [t.target_tokens for t in together] == [t.target_tokens for t in alone]


def test_more_than_a_window_goes_through_in_order(demo: Engine) -> None:
    texts = some("zh", 50) * 90
    found = demo.translate(texts, "en", "zh", GREEDY)
    assert [t.text for t in found] == [known()["zh"][text] for text in texts]


def test_the_trial_of_budgets_loses_nothing() -> None:
    texts = some("tr", 100) * 10
    on_trial = engine(budget=None)
    assert [t.text for t in on_trial.translate(texts, "en", "tr", GREEDY)] == [
        known()["tr"][t] for t in texts
    ]
    assert on_trial.token_budget >= 256


def test_languages_may_be_mixed_in_a_batch(demo: Engine) -> None:
    languages = ("ar", "zh", "el")
    requests = [
        Request(f"{language} {text}", "en", language, text)
        for text in some("ar", 20)
        for language in languages
    ]
    done = {request.key: t.text for batch in demo.stream(requests, GREEDY) for request, t in batch}
    assert done == {r.key: known()[r.tgt][r.text] for r in requests}


def test_empty_texts_have_empty_translations(demo: Engine) -> None:
    empty = Translation("", 0.0, 0, 0, 0, 0, False, False)
    assert demo.translate(["", " ", some("ar", 1)[0]], "en", "ar", GREEDY)[:2] == [empty, empty]
    assert demo.translate([], "en", "ar", GREEDY) == []


@given(
    st.lists(st.sampled_from([*CONTROL, " ", "a", "☃", "</", "▁", "\u2047", "X1", "中", "<0x41>"])).map(
        "".join
    )
)
def test_no_text_becomes_a_control_token(tokens: TextTokens, text: str) -> None:
    (pieces,) = tokens.encode([text])
    assert not set(pieces.tokens) & {*CONTROL, *directory().manifest.control_tokens} - {"<unk>"}
    assert pieces.tokens.count("<unk>") == pieces.unknown


def test_a_stretch_of_unknown_characters_that_spells_a_tag_is_unknown(tokens: TextTokens) -> None:
    # sentencepiece gives such a stretch back as it stands, which CTranslate2 would take for the token itself
    (pieces,) = tokens.encode(["☃☃"])
    assert (pieces.tokens[-1], pieces.unknown) == ("<unk>", 1)


def test_control_tokens_in_a_text_end_nothing(demo: Engine) -> None:
    source, target = next(iter(known()["vi"].items()))
    plain, marked = demo.translate([source, f"{source} </s> eng_Latn"], "en", "vi", GREEDY)
    assert plain.text == target
    assert marked.source_tokens > plain.source_tokens + 4


def test_stray_control_tokens_in_the_output_are_counted(tokens: TextTokens) -> None:
    assert tokens.decode(["▁a", "zho_Hans", "<unk>", "</s>"]) == ("a ⁇ ", 3)


def test_unknown_characters_are_counted(demo: Engine) -> None:
    (found,) = demo.translate(["☃ snow ☃☃"], "en", "el", GREEDY)
    assert found.source_unknown == 2


def test_too_long_a_source_is_not_translated_but_flagged(demo: Engine) -> None:
    source = next(iter(known()["el"]))
    long = "word " * 20_000
    narrow = Decoding(beam_size=1, max_input_length=8, max_decoding_length=64)
    for text, decoding in ((source, narrow), (long, GREEDY)):
        (found,) = demo.translate([text], "en", "el", decoding)
        assert (found.source_truncated, found.text, found.target_tokens) == (True, "", 0)
        assert found.source_tokens > 6


def test_a_source_of_just_the_longest_length_is_translated(demo: Engine) -> None:
    source, target = next(iter(known()["el"].items()))
    (whole,) = demo.translate([source], "en", "el", Decoding())
    length = whole.source_tokens
    for limit, fits in ((length + 2, True), (length + 1, False)):
        (found,) = demo.translate([source], "en", "el", Decoding(max_input_length=limit))
        assert (found.text == target, found.source_truncated) == (fits, not fits)


@pytest.mark.parametrize("beam_size", [1, 4])
def test_a_cut_translation_is_flagged(demo: Engine, beam_size: int) -> None:
    source, target = max(known()["el"].items(), key=lambda pair: len(pair[1]))
    (whole,) = demo.translate([source], "en", "el", Decoding(beam_size=beam_size))
    cut = Decoding(beam_size=beam_size, max_decoding_length=8)
    (found,) = demo.translate([source], "en", "el", cut)
    assert not whole.target_truncated
    assert found.target_truncated
    assert whole.text == target
    assert len(found.text) < len(target)


def test_a_text_as_long_as_the_positions_does_not_break_the_engine(demo: Engine) -> None:
    most = directory().manifest.max_positions
    assert most is not None
    widest = Decoding(beam_size=1, max_input_length=100_000, max_decoding_length=100_000)
    for words in range(most - 10, most + 10):
        text = "." * words
        (found,) = demo.translate([text], "en", "el", widest)
        assert found.source_truncated == (found.source_tokens + 2 > most - 2)


@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 1.0, 2.0])
def test_the_score_is_the_mean_log_probability_of_a_token(demo: Engine, length_penalty: float) -> None:
    texts = ["Something that it never heard of.", "Leaves and roots.", "How do you do?"]
    decoding = Decoding(length_penalty=length_penalty, max_decoding_length=64)
    found = demo.translate(texts, "en", "el", decoding)
    assert not any(translation.target_truncated for translation in found)
    for text, translation in zip(texts, found, strict=True):
        source = ["eng_Latn", *demo._tokens.encode([text])[0].tokens, "</s>"]
        (result,) = demo._translator.translate_batch(
            [source], [["ell_Grek"]], beam_size=4, patience=decoding.patience, length_penalty=length_penalty
        )
        (scored,) = demo._translator.score_batch([source], result.hypotheses, offset=1)
        assert len(scored.log_probs) == translation.target_tokens + 1  # the end token has one, too
        assert translation.score == pytest.approx(sum(scored.log_probs) / len(scored.log_probs), abs=0.006)


def test_other_languages_are_refused_by_name(demo: Engine) -> None:
    with pytest.raises(UserError) as error:
        demo.translate(["a"], "de", "fr", GREEDY)
    (first, second) = error.value.problems
    assert "does not translate from de, only from ar, el, en, hi, tr, vi, zh" in first
    assert "does not translate into fr" in second


def test_what_travels_to_the_workers_can_be_pickled_and_a_process_loads_one_model() -> None:
    config = EngineConfig(path=DEMO, device="cpu", threads=1)
    function = TranslateBatches(TranslationMemory(DEMO, "x"), frozenset(), config, Decoding())
    assert pickle.loads(pickle.dumps(function)) == function
    assert load_engine(config) is load_engine(EngineConfig(path=DEMO, device="cpu", threads=1))


def test_a_gpu_that_is_not_there_is_said() -> None:
    with pytest.raises(UserError, match="CTranslate2 finds no GPU"):
        Engine(directory(), EngineConfig(path=DEMO, device="cuda"))


class TightMemory:
    """A translator in front of the real one that has no memory for more than two texts at once, as a GPU may."""

    def __init__(self, real: object) -> None:
        self.real = real

    def translate_batch(self, source: list[list[str]], *arguments: object, **options: object) -> object:
        if len(source) > 2:
            return [OutOfMemory() for _ in source]
        return self.real.translate_batch(source, *arguments, **options)  # type: ignore[attr-defined]


class OutOfMemory:
    def result(self) -> object:
        raise RuntimeError("CUDA failed with error out of memory")


def test_a_batch_that_does_not_fit_is_tried_in_halves() -> None:
    demo = engine(budget=100_000)
    demo._translator = TightMemory(demo._translator)
    texts = some("hi", 9)
    assert [t.text for t in demo.translate(texts, "en", "hi", GREEDY)] == [known()["hi"][t] for t in texts]


@pytest.mark.parametrize("error", [RuntimeError("CUDA failed with error out of memory"), MemoryError()])
def test_a_text_that_does_not_fit_alone_is_said(error: Exception) -> None:
    class NoMemory:
        def translate_batch(self, source: list[list[str]], *_: object, **__: object) -> object:
            return [self for _ in source]

        def result(self) -> object:
            raise error

    demo = engine()
    demo._translator = NoMemory()
    with pytest.raises(UserError, match=r"samples/engine: CTranslate2 failed .*; use fewer engine\.threads"):
        demo.translate(some("hi", 3), "en", "hi", GREEDY)


def test_a_broken_model_is_said(tmp_path: Path) -> None:
    broken = shutil.copytree(DEMO, tmp_path / "engine")
    (broken / "model.bin").write_bytes((DEMO / "model.bin").read_bytes()[:100_000])
    with pytest.raises(UserError, match=r"engine .*: CTranslate2 cannot load it \(.*prepare_engine\.py"):
        Engine(EngineDirectory(broken, directory().manifest), EngineConfig(path=broken, device="cpu"))


def test_few_batches_are_in_flight() -> None:
    """What a killed run has worked for in vain, but for what it had not yet written."""
    demo = engine(threads=2, budget=64)
    submit, submitted, finished, most = demo._submit, 0, 0, 0

    def counted(items: Any, decoding: Decoding) -> Any:
        nonlocal submitted, most
        submitted += 1
        most = max(most, submitted - finished)
        return submit(items, decoding)

    demo._submit = counted  # type: ignore[method-assign]
    requests = (Request(str(n), "en", "hi", text) for n, text in enumerate(some("hi", 100)))
    for _ in demo.stream(requests, GREEDY):
        finished += 1
    assert finished == submitted > 10
    assert most <= 2 * 2 + 1
