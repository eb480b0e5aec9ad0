"""Rows in, rows with tokens or a reason out: where the answer begins is known by construction.

Alpaca's prompt and the answer are tokenised apart and put together, so that the question's tokens are those that the
model will be asked with. A chat is rendered and tokenised as a whole, and the answer begins at the character at which
the rendered question ends. Either way nothing is tokenised twice to find out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.tokens.chats import TemplateRefusal, rendered
from pipelines.tokens.prompts import alpaca_prompt
from pipelines.tokens.tokenizer import Tokenizer
from schemas.tokens import TOKENS
from schemas.tokens_run import TokenizeRun

_PLACE = ("id", "lang", "task", "direction")
Row = dict[str, Any]  # the columns of both datasets; `reason` is null for a row that is kept


@dataclass(frozen=True)
class RowEncoder:
    """Encodes rows as the configuration says."""

    tokenizer: Tokenizer
    config: TokenizeRun

    def instructions(self, rows: Sequence[Mapping[str, Any]]) -> list[Row]:
        """Instruction rows with tokens, in their order."""
        return self._chats(rows) if self.config.template == "chat" else self._alpaca(rows)

    def documents(self, rows: Sequence[Mapping[str, Any]]) -> list[Row]:
        """Documents, each cut into pieces of at most `max_length` tokens; every token but a piece's first is learned.

        A piece begins with the token that begins a text, and the last one ends with the one that ends it. The
        characters and words of a document are counted with its first piece.
        """
        made: list[Row] = []
        for row, ids in zip(rows, self.tokenizer.encode([row["text"] for row in rows]), strict=True):
            if reason := row["reason"] or (None if ids else "empty_text"):
                made.append(_rejected(row, reason, detail=row["detail"]))
                continue
            if control := self._control_token(ids):
                made.append(_rejected(row, "control_token", detail=control))
                continue
            ids = [*ids, self.tokenizer.eos_id]
            size = self.config.max_length - len(self._bos)
            pieces = [ids[start : start + size] for start in range(0, len(ids), size)]
            if not self._bos and len(pieces[-1]) == 1:  # a token that nothing predicts
                pieces.pop()
            for number, piece in enumerate(pieces):
                text = row["text"] if number == 0 else ""
                named = {**row, "id": f"{row['id']}-{number}"}
                whole = self._bos + piece
                made.append(self._kept(named, whole[:1], whole[1:], text))
        return made

    def _alpaca(self, rows: Sequence[Mapping[str, Any]]) -> list[Row]:
        prompts = self.tokenizer.encode([alpaca_prompt(row["instruction"], row["input"]) for row in rows])
        answers = self.tokenizer.encode([row["output"] for row in rows])
        made: list[Row] = []
        for row, prompt, answer in zip(rows, prompts, answers, strict=True):
            if not answer:
                made.append(_rejected(row, "empty_response"))
            elif control := self._control_token(prompt + answer):
                made.append(_rejected(row, "control_token", detail=control))
            else:
                whole = [*answer, self.tokenizer.eos_id]
                made.append(self._fitted(row, self._bos + prompt, whole, row["output"]))
        return made

    def _chats(self, rows: Sequence[Mapping[str, Any]]) -> list[Row]:
        return [self._chat(row, _messages(row)) for row in rows]

    def _chat(self, row: Mapping[str, Any], messages: list[dict[str, str]]) -> Row:
        if [message["role"] for message in messages[-2:]] != ["user", "assistant"]:
            return _rejected(row, "not_single_turn")
        if any(message["content"] is None for message in messages):
            return _rejected(row, "not_single_turn", detail="a message without content")
        for token in self.tokenizer.control_tokens.values():
            if any(token in message["content"] for message in messages):
                return _rejected(row, "control_token", detail=token)
        if not messages[-1]["content"].strip():
            return _rejected(row, "empty_response")
        try:
            asked = rendered(self.tokenizer, messages[:-1], True)
            whole = rendered(self.tokenizer, messages, False)
        except TemplateRefusal as refusal:
            return _rejected(row, "template_refusal", detail=str(refusal))
        if not whole.startswith(asked):
            return _rejected(row, "no_boundary")
        assert self.tokenizer.with_offsets is not None  # what knows chats has it
        ids, ends = self.tokenizer.with_offsets(whole)
        # a token over the boundary holds a part of the answer, and is learned
        start = next((place for place, end in enumerate(ends) if end > len(asked)), len(ids))
        prompt, answer = ids[:start], ids[start:]
        if self._bos and prompt[:1] != self._bos:
            prompt = self._bos + prompt
        eos = self.tokenizer.eos_id
        # what a template writes after the end is not learned; a template that writes no end gets one
        answer = answer[: len(answer) - answer[::-1].index(eos)] if eos in answer else [*answer, eos]
        return self._fitted(row, prompt, answer, messages[-1]["content"])

    def _control_token(self, ids: list[int]) -> str | None:
        """A control token that the tokenizer made of a text."""
        return next(
            (self.tokenizer.control_tokens[id] for id in ids if id in self.tokenizer.control_tokens), None
        )

    @property
    def _bos(self) -> list[int]:
        return [] if self.tokenizer.bos_id is None else [self.tokenizer.bos_id]

    def _fitted(self, row: Mapping[str, Any], prompt: list[int], answer: list[int], text: str) -> Row:
        most, full = self.config.max_length, len(prompt) + len(answer)
        if full > most and self.config.on_too_long == "reject":
            return _rejected(row, "too_long", full, f"{full} tokens")
        if len(prompt) >= most:
            return _rejected(row, "no_response_left", full, f"the question has {len(prompt)} tokens")
        return self._kept(row, prompt, answer, text)

    def _kept(self, row: Mapping[str, Any], prompt: list[int], answer: list[int], text: str) -> Row:
        ids = (prompt + answer)[: self.config.max_length]
        return {
            **_empty(row),
            "input_ids": ids,
            "length": len(ids),
            "prompt_tokens": len(prompt),
            "full_length": len(prompt) + len(answer),
            "unknown": 0 if self.tokenizer.unk_id is None else ids.count(self.tokenizer.unk_id),
            "characters": len(text),
            "words": len(text.split()),
        }


def _messages(row: Mapping[str, Any]) -> list[dict[str, str]]:
    """The turns of a row: its own, or else those that Alpaca's fields make."""
    messages: list[dict[str, str]] | None = row.get("messages")
    if messages:
        return messages
    asked = "\n\n".join(part for part in (row["instruction"], row["input"]) if part)
    return [{"role": "user", "content": asked}, {"role": "assistant", "content": row["output"]}]


def _empty(row: Mapping[str, Any]) -> Row:
    nothing = dict.fromkeys((*TOKENS.columns, "reason", "detail"))
    return nothing | {name: row[name] for name in _PLACE}


def _rejected(row: Mapping[str, Any], reason: str, full: int | None = None, detail: str | None = None) -> Row:
    return _empty(row) | {"reason": reason, "full_length": full, "detail": detail}
