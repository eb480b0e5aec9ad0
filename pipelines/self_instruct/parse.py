"""What a generator's answers hold: tasks of a list, a yes or no, inputs with outputs.

An answer is text from a stranger: whatever it holds, it is cut into pieces by patterns that take linear time, and never
run or followed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipelines.self_instruct.requests import Answer

_NUMBER = re.compile(r"(?m)^[ \t*#]*(\d{1,3})[ \t]*[.)][ \t*]*")
_EXAMPLE = re.compile(r"(?mi)^[ \t*#]*Example[ \t]*\d*[ \t]*[.:]?[ \t*]*$")
_LABEL = re.compile(r"(?mi)^[ \t*#]*Class label[ \t*]*:[ \t*]*")
_INPUT = re.compile(r"(?mi)^[ \t*#]*Input[ \t*]*:[ \t*]*")
_OUTPUT = re.compile(r"(?mi)^[ \t*#]*Output[ \t*]*:[ \t*]*")
_TASK = re.compile(r"(?mi)^[ \t*#]*Task[ \t]*:")
_NO_INPUT = re.compile(r"""(?i)[\s<"'`(\[]*(?:no[ _-]?input|n/?a|none)[\s>"'`)\].]*""")
# how an answer begins that says no instead of doing what was asked; a longer one may well go on ("I cannot but ...")
_LONGEST_REFUSAL = 500  # characters
_REFUSAL = re.compile(
    r"(?i)\W*(?:(?:i(?: am|['’]m)|we are|we're) (?:sorry|afraid|unable)|sorry,|i (?:cannot|can['’]?t|can not|won['’]t|"
    r"will not) |as an? (?:ai|language|large language)|unfortunately, i )"
)


@dataclass(frozen=True)
class Piece:
    """A task of a list, or a piece that is none: then `reason` says why."""

    text: str
    reason: str | None = None


@dataclass(frozen=True)
class Instance:
    """What a task is about, and its answer; `reason` (with its text in `output`) where a piece is none."""

    input: str
    output: str
    reason: str | None = None


def refused(answer: Answer) -> bool:
    """Whether an answer is a refusal as a whole."""
    short = len(answer.text) <= _LONGEST_REFUSAL
    return answer.refusal or (short and _REFUSAL.match(answer.text) is not None)


def tasks(answer: Answer, shown: int) -> list[Piece]:
    """The pieces of the answer to `prompts.list_prompt`, at least one; `shown` tasks were shown.

    A text before the first number is the task `shown` + 1 where the list goes on from there, and no task otherwise.
    """
    text = answer.text.strip()
    if not text:
        return [Piece("", "refusal" if answer.refusal else "no_answer")]
    if refused(answer):
        return [Piece(text, "refusal")]
    parts = _NUMBER.split(text)  # text, number, text, number, text, ...
    head, numbers, rest = parts[0].strip(), [int(number) for number in parts[1::2]], parts[2::2]
    pieces = []
    if head:
        goes_on = "\n" not in head and numbers[:1] == [shown + 2]
        pieces.append(Piece(_line(head), None if goes_on else "malformed"))
    pieces += [Piece(_line(part), None if part.strip() else "malformed") for part in rest]
    if answer.cut:
        pieces[-1] = Piece(pieces[-1].text, "cut_off")
    return pieces


def is_classification(answer: Answer) -> bool:
    """Whether an answer says yes; anything else is no."""
    return re.match(r"(?i)\W*yes\b", answer.text) is not None


def instances(answer: Answer, classification: bool) -> list[Instance]:
    """The instances of the answer to `prompts.instances_prompt`, at least one piece."""
    text = answer.text.strip()
    if not text:
        return [Instance("", "", "refusal" if answer.refusal else "no_answer")]
    if refused(answer):
        return [Instance("", text, "refusal")]
    if further := _TASK.search(text):  # it went on with tasks of its own
        text = text[: further.start()]
    found = _labelled(text) if classification else _examples(text)
    if not found:
        return [Instance("", text.strip(), "no_instance")]
    if answer.cut and not further:  # else what was cut off is the further task
        last = found[-1]
        found[-1] = Instance(last.input, last.output, "incomplete_instance")
    return found


def _examples(text: str) -> list[Instance]:
    """`Input: ... Output: ...`, or `Output: ...` alone, after `Example n`."""
    found = []
    for part in _EXAMPLE.split(text):
        if not part.strip():
            continue
        output = _OUTPUT.search(part)
        if output is None:
            found.append(Instance("", part.strip(), "no_instance"))
            continue
        before = part[: output.start()]
        given = _INPUT.search(before)
        found.append(_instance(before[given.end() :] if given else "", part[output.end() :]))
    return found


def _labelled(text: str) -> list[Instance]:
    """`Class label: ...`, and `Input: ...` after it where there is one."""
    found = []
    for part in _LABEL.split(text)[1:]:
        given = _INPUT.search(part)
        label = part[: given.start()] if given else part
        found.append(_instance(part[given.end() :] if given else "", label))
    return found


def _instance(given: str, output: str) -> Instance:
    given = given.strip()
    return Instance("" if _NO_INPUT.fullmatch(given) else given, output.strip())


def _line(text: str) -> str:
    return " ".join(text.split())
