"""Why an instruction or an instance falls: rules of self-instruct (github.com/yizhongw/self-instruct), injections."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from pipelines.self_instruct.parse import Instance
from schemas.mi_eval_run import Filters

# tokens and headings by which chats and prompts are built, and orders to a model that reads the text as data
_INJECTION = re.compile(
    r"(?i)<\|[a-z_]{2,30}\|>|</?s>|\[/?INST\]|<<SYS>>|<(?:start|end)_of_turn>|###\s*(?:instruction|response|system)\s*:"
    r"|\b(?:ignore|disregard|forget|override)\s+(?:all\s+|any\s+)?(?:of\s+)?(?:the\s+|your\s+|my\s+|these\s+)?"
    r"(?:previous|prior|above|earlier|preceding|foregoing|system)\s+(?:instruction|prompt|message|rule|direction|task)"
    r"|\b(?:reveal|print|repeat|show|output)\s+(?:me\s+)?(?:your|the)\s+(?:system|hidden|initial|secret|api)\s+"
    r"(?:prompt|message|key)|\[key\]"
)
# self-instruct's two rules in one: a sign of punctuation, or a character beyond ASCII
_STARTS_BADLY = re.compile(r"[^A-Za-z0-9]")


class Fault(NamedTuple):
    """A reason (schemas/mi_eval.py), and what exactly was wrong."""

    reason: str
    detail: str | None = None


def instruction_fault(text: str, filters: Filters) -> Fault | None:
    """Why an instruction falls by itself; its likeness to others is another matter (`similarity.py`)."""
    if _STARTS_BADLY.match(text):
        return Fault("bad_start", repr(text[0]))
    words = text.split()
    if len(words) < filters.min_words:
        return Fault("too_few_words", f"{len(words)} words")
    if len(words) > filters.max_words:
        return Fault("too_many_words", f"{len(words)} words")
    if found := injection(text):
        return Fault("prompt_injection", found)
    if word := _forbidden(tuple(filters.forbidden_words)).search(text):
        return Fault("forbidden_word", word[0])
    if text.lower().startswith("write a program"):
        return Fault("program_task")
    return None


def injection(text: str) -> str | None:
    """What in a text speaks to a model that reads it."""
    found = _INJECTION.search(text)
    return found[0] if found else None


def instance_faults(instances: Sequence[Instance], most: int) -> list[Fault | None]:
    """Why each instance of an instruction falls, looked at together; at most `most` stay."""
    outputs: dict[str, set[str]] = {}
    for one in instances:
        if one.reason is None:
            outputs.setdefault(one.input, set()).add(one.output)
    seen: Counter[tuple[str, str]] = Counter()
    faults: list[Fault | None] = []
    for one in instances:
        fault = _fault(one)
        if fault is None and seen[one.input, one.output]:
            fault = Fault("duplicate_instance")
        if fault is None and len(outputs[one.input]) > 1:
            fault = Fault("contradiction", f"{len(outputs[one.input])} outputs of this input")
        if fault is None and sum(known is None for known in faults) >= most:
            fault = Fault("surplus_instance")
        seen[one.input, one.output] += 1
        faults.append(fault)
    return faults


def _fault(one: Instance) -> Fault | None:
    if one.reason is not None:
        return Fault(one.reason)
    if not one.output:
        return Fault("empty_output")
    if one.output.endswith(":"):
        return Fault("unfinished_output")
    if one.input == one.output:
        return Fault("output_is_input")
    if found := injection(one.input) or injection(one.output):
        return Fault("instance_injection", found)
    return None


@lru_cache(maxsize=4)
def _forbidden(words: tuple[str, ...]) -> re.Pattern[str]:
    """Any of the words, as whole words; matches nothing where there are none."""
    return re.compile(rf"(?i)\b(?:{'|'.join(re.escape(word) for word in words)})\b" if words else r"(?!)")
