"""Where an answer begins, what is learned of it, and what cannot be: golden examples of both prompt formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st
from instruction_shards import SAMPLES, row
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from pipelines.errors import UserError
from pipelines.tokenizing import plan
from pipelines.tokens.chats import rendered
from pipelines.tokens.encode import RowEncoder
from pipelines.tokens.prompts import alpaca_prompt
from pipelines.tokens.tokenizer import load_tokenizer
from schemas.tokens import REASONS
from schemas.tokens_run import TokenizeRun

MODEL = SAMPLES / "tokenizer.model"
SPM = sentencepiece.SentencePieceProcessor(model_file=str(MODEL))
CHAT = (
    "{{ bos_token }}{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)


def encoder(tokenizer: Path = MODEL, **given: Any) -> RowEncoder:
    config = TokenizeRun(input="x", tokenizer=tokenizer, **given)
    return RowEncoder(load_tokenizer(tokenizer), config)


def alpaca(instruction: str, input: str, output: str, **given: Any) -> dict[str, Any]:
    (found,) = encoder(**given).instructions([row("id", "en", instruction, input, output)])
    return found


def test_an_alpaca_example_to_the_token() -> None:
    """Question as it will be asked, answer right after it, one token that begins and one that ends."""
    found = alpaca("Name a fruit.", "", "An apple.")
    prompt = (
        "Below is an instruction that describes a task. Write a response that appropriately completes the request."
        "\n\n### Instruction:\nName a fruit.\n\n### Response:"
    )
    asked, answer = SPM.encode(prompt), SPM.encode("An apple.")
    assert found["input_ids"] == [SPM.bos_id(), *asked, *answer, SPM.eos_id()]
    assert found["prompt_tokens"] == 1 + len(asked)
    assert found["length"] == found["full_length"] == len(found["input_ids"])
    assert (found["characters"], found["words"], found["reason"]) == (9, 2, None)
    assert "paired with an input" in alpaca_prompt("Name it.", "An apple.")


@given(TEXT, TEXT, TEXT.filter(bool))
def test_whatever_the_texts_the_question_is_what_will_be_asked(
    instruction: str, input: str, output: str
) -> None:
    found = alpaca(instruction, input, output)
    if found["reason"] is None:
        prompt = found["input_ids"][: found["prompt_tokens"]]
        assert prompt == [SPM.bos_id(), *SPM.encode(alpaca_prompt(instruction, input))]
        assert found["input_ids"].count(SPM.eos_id()) == (found["full_length"] == found["length"])


def test_a_control_token_in_a_text_is_text() -> None:
    found = alpaca("What is </s>?", "<s>", "</s> ends a text.")
    assert found["input_ids"].count(SPM.eos_id()) == 1
    assert found["input_ids"].count(SPM.bos_id()) == 1


def test_a_control_token_that_the_tokenizer_takes_for_one_is_a_reject(chat: Path) -> None:
    """As Unigram models in tokenizer.json do: an answer must not end in its middle."""
    (found,) = encoder(chat).instructions([row("id", "en", "Hello.", "", "So </s> be it.")])
    assert (found["reason"], found["detail"]) == ("control_token", "</s>")
    assert encoder(chat).documents([document("So </s> be it.")])[0]["reason"] == "control_token"


def test_a_long_answer_is_cut_and_counted_and_does_not_learn_to_end_there() -> None:
    found = alpaca("Count.", "", "one two three " * 50, max_length=100)
    assert found["length"] == 100
    assert found["full_length"] > 100
    assert SPM.eos_id() not in found["input_ids"]
    rejected = alpaca("Count.", "", "one two three " * 50, max_length=100, on_too_long="reject")
    assert (rejected["reason"], rejected["input_ids"]) == ("too_long", None)
    assert rejected["full_length"] == found["full_length"]


def test_without_an_answer_there_is_nothing_to_learn() -> None:
    assert alpaca("Count. " * 100, "", "One.", max_length=64)["reason"] == "no_response_left"
    assert alpaca("Say nothing.", "", "")["reason"] == "empty_response"


# --- chat ---


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model directory with a tokenizer of the samples' pieces and a chat template."""
    return chat_tokenizer(tmp_path_factory.mktemp("chat"))


def chat_tokenizer(folder: Path, template: str = CHAT) -> Path:
    pieces = [(SPM.id_to_piece(token), SPM.get_score(token)) for token in range(SPM.vocab_size())]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=SPM.unk_id(), byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True) for token in ("<s>", "</s>", "<|user|>", "<|assistant|>")]
    )
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", SPM.bos_id())])
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"bos_token": {"content": "<s>"}, "eos_token": "</s>", "chat_template": template}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


def test_a_chat_is_cut_where_the_answer_begins(chat: Path) -> None:
    tokenizer = load_tokenizer(chat)
    (found,) = encoder(chat, template="chat").instructions(
        [row("id", "en", "说出一种水果。", "", "An apple.")]
    )
    asked, answer = found["input_ids"][: found["prompt_tokens"]], found["input_ids"][found["prompt_tokens"] :]
    assert tokenizer.decode(asked).endswith("说出一种水果。<|assistant|> \n")
    assert asked.count(tokenizer.bos_id) == 1
    assert tokenizer.decode(answer[:-1]).strip() == "An apple."
    assert answer[-1] == tokenizer.eos_id, "what the template writes after the end is not learned"


def test_a_chat_that_cannot_be_told_apart_is_a_reject(chat: Path, tmp_path: Path) -> None:
    given = row("id", "en", "Say </s>.", "", "No.")
    assert encoder(chat, template="chat").instructions([given])[0]["reason"] == "control_token"
    one = row("id", "en", "Hello.", "", "Hi.") | {"messages": [{"role": "user", "content": "Hello."}]}
    assert encoder(chat, template="chat").instructions([one])[0]["reason"] == "not_single_turn"
    half = one | {"messages": [{"role": "user", "content": None}, {"role": "assistant", "content": "Hi."}]}
    assert encoder(chat, template="chat").instructions([half])[0]["reason"] == "not_single_turn"
    silent = row("id", "en", "Hello.", "", " ")
    assert encoder(chat, template="chat").instructions([silent])[0]["reason"] == "empty_response"
    other = chat_tokenizer(tmp_path, "{{ messages | length }}{{ messages[-1]['content'] }}</s>")
    fine = row("id", "en", "Hello.", "", "Hi.")
    assert encoder(other, template="chat").instructions([fine])[0]["reason"] == "no_boundary"


REFUSING = "{% if 'bomb' in messages[0]['content'] %}{{ raise_exception('Not\n that.') }}{% endif %}" + CHAT


def test_a_chat_that_the_template_refuses_is_a_reject_and_one_that_refuses_all_is_refused(
    tmp_path: Path,
) -> None:
    refusing = encoder(chat_tokenizer(tmp_path, REFUSING), template="chat")
    rows = [row("id", "en", asked, "", "Hi.") for asked in ("Hello.", "A bomb.")]
    fine, refused = refusing.instructions(rows)
    assert fine["reason"] is None
    assert (refused["reason"], refused["detail"]) == ("template_refusal", "Not that.")
    for template, reason in (
        ("{{ raise_exception('No.') }}", "No."),
        ("{% if %}", "Expected"),
        ("{% if add_generation_prompt %}{{ 1 / 0 }}{% endif %}", "zero"),
    ):
        config = TokenizeRun(input="x", tokenizer=chat_tokenizer(tmp_path, template), template="chat")
        with pytest.raises(UserError, match=rf"cannot write a question and its answer \(.*{reason}"):
            plan(config)


def test_a_template_that_writes_the_date_writes_the_same_one_every_day(tmp_path: Path) -> None:
    """As Llama 3.2's does. The template itself stays what it was, from its first newline on."""
    template = (
        "\n  {% macro hour() %}{{ strftime_now('%H') }}{% endmacro %}\n"
        "{% if strftime_now is defined %}\nToday: {{ strftime_now('%d %b %Y') }}, {{ hour() }}\n{% endif %}"
    )
    tokenizer = load_tokenizer(chat_tokenizer(tmp_path, template))
    assert rendered(tokenizer, [], True) == "\nToday: 26 Jul 2024, 00\n"


def test_both_kinds_of_tokenizer_agree(chat: Path) -> None:
    one, other = load_tokenizer(MODEL), load_tokenizer(chat)
    texts = ["Name a fruit.", "说出一种水果。"]
    assert one.encode(texts) == other.encode(texts)
    assert (one.bos_id, one.eos_id, one.unk_id is None) == (other.bos_id, other.eos_id, False)


@pytest.mark.parametrize(
    ("adds", "says", "bos"),
    [(True, None, 1), (False, None, None), (False, True, 1), (True, False, None)],
)
def test_a_token_begins_a_text_where_the_tokenizer_puts_one(
    tmp_path: Path, adds: bool, says: bool | None, bos: int | None
) -> None:
    """GPT-NeoX's names a bos_token and never writes it: a model that has not seen it there must not now."""
    folder = chat_tokenizer(tmp_path)
    if not adds:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.post_processor = processors.Sequence([])
        tokenizer.save(str(folder / "tokenizer.json"))
    if says is not None:
        config = json.loads((folder / "tokenizer_config.json").read_text())
        (folder / "tokenizer_config.json").write_text(json.dumps(config | {"add_bos_token": says}))
    assert load_tokenizer(folder).bos_id == bos
    (found,) = encoder(folder).instructions([row("id", "en", "Name a fruit.", "", "An apple.")])
    assert (found["input_ids"][0] == SPM.bos_id()) == (bos is not None)


# --- documents ---


def document(text: str, reason: str | None = None) -> dict[str, Any]:
    place = {"id": "doc", "lang": "en", "task": "text", "direction": None}
    return place | {"text": text, "reason": reason, "detail": None}


def test_a_document_is_cut_into_pieces_that_are_learned_whole() -> None:
    text = "The ferry leaves at noon. " * 20
    pieces = encoder(max_length=32).documents([document(text)])
    assert [piece["id"] for piece in pieces] == [f"doc-{number}" for number in range(len(pieces))]
    assert all(piece["input_ids"][0] == SPM.bos_id() and piece["prompt_tokens"] == 1 for piece in pieces)
    joined = [token for piece in pieces for token in piece["input_ids"][1:]]
    assert joined == [*SPM.encode(text), SPM.eos_id()]
    assert sum(piece["characters"] for piece in pieces) == len(text)
    assert encoder().documents([document("")])[0]["reason"] == "empty_text"
    assert encoder().documents([document("", "broken_document")])[0]["reason"] == "broken_document"


def test_what_is_no_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file or directory"):
        load_tokenizer(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"holds neither tokenizer\.json nor"):
        load_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(UserError, match="cannot be read"):
        load_tokenizer(tmp_path)
    words = Tokenizer(models.WordLevel({"a": 0, "<unk>": 1}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(UserError, match="names no eos_token"):
        load_tokenizer(tmp_path)


def test_reasons_are_words_that_stay() -> None:
    assert all(reason.replace("_", "").isalpha() for reason in REASONS)
