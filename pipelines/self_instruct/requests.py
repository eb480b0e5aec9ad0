"""What a generator is asked, and what it answered, in the words of the chat/completions protocol."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from schemas.generator import Sampling


@dataclass(frozen=True)
class Request:
    """One question: a prompt, how the answer is drawn, and where it ends.

    `seed` makes the draw repeatable where the generator can, and tells apart the same prompt asked twice.
    """

    model: str
    prompt: str
    sampling: Sampling
    seed: int
    stop: tuple[str, ...] = ()

    def body(self) -> dict[str, Any]:
        """The body of the HTTP request: what the answer depends on."""
        drawn = self.sampling.model_dump(exclude_none=True)
        stop = {"stop": list(self.stop)} if self.stop else {}
        message = {"role": "user", "content": self.prompt}
        return {"model": self.model, "messages": [message], **drawn, "seed": self.seed, **stop}

    def key(self) -> str:
        """The hash under which the answer is stored: 64 hex digits."""
        return hashlib.sha256(json.dumps(self.body(), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Answer:
    """What came back. `refusal`: the generator refused, or its provider's filter stepped in.

    `counted` says whether the tokens are the generator's own count, or an estimate from the characters.
    """

    text: str
    finish_reason: str
    refusal: bool
    prompt_tokens: int
    completion_tokens: int
    counted: bool

    @property
    def cut(self) -> bool:
        """Whether it ended because it had its most tokens."""
        return self.finish_reason == "length"


def prompt_tokens_at_most(text: str) -> int:
    """Tokens that a prompt has at most, about: no usual tokenizer takes more than one for three bytes of prose."""
    return len(text.encode("utf-8", "replace")) // 3 + 16


def estimated_tokens(text: str) -> int:
    """Tokens of an English text where the generator does not count them: four characters each."""
    return -(-len(text) // 4)
