"""What an instruction asks for: its root verb and the verb's direct object, as in self-instruct's figure 3.

Self-instruct parses each instruction. Instructions are imperatives with few exceptions, so rules about the first words
find nearly the same (`tests/self_instruct/test_balance.py` has labelled ones): the verb comes first, after "please" or
a condition, and its object is the head of the noun phrase after it.
"""

from __future__ import annotations

import re


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*|[^\sA-Za-z]")
_POLITE = _set("please kindly now then first also just briefly can could would will you")
_QUESTION = _set(
    "what which who whom whose when where why how is are was were do does did has have had should may "
    "might must"
)
_SUBJECT = _set(
    "i we he she they it there let's"
)  # of a statement, which says no more than what is asked later
_DETERMINER = _set(
    "a an the this that these those my your his her its our their some any all each every both several "
    "many few more most one two three four five six seven eight nine ten no another other such"
)
# where a noun phrase ends
_BOUNDARY = _set(
    "of for to in on at by with from about into onto over under between among through during against "
    "without within as like than per via toward towards upon after before since until and or but nor so "
    "if whether that which who whom whose when where why how what because while is are was were be been "
    "being can could will would should must may might do does did has have had using based given "
    "containing including following described"
)
_ADJECTIVE = _set("given following described")  # these also stand before a noun: "the given sentence"
_PRONOUN = _set("me you him her it us them yourself itself themselves")
_CONDITION = re.compile(
    r"(?i)^(?:given|based|considering|imagine|suppose|using|in|for|from|with|as|if)\b[^,:]{0,120}[,:]\s*"
)
_CODE = re.compile(r"`[^`]*`|\$[^$]*\$|\"[^\"]*\"")


def verb_and_noun(instruction: str) -> tuple[str | None, str | None]:
    """The root verb and its direct object, both as they stand, in small letters; null where the rules find none.

    A question counts under its question word ("how", "is"), without an object.
    """
    text = _CODE.sub(" ", instruction)
    text = _CONDITION.sub("", text, count=1)
    tokens = [token.lower() for token in _WORD.findall(text)]
    while tokens and tokens[0] in _POLITE:
        tokens = tokens[1:]
    if not tokens or not tokens[0][0].isalpha() or tokens[0] in _DETERMINER | _SUBJECT:
        return None, None
    verb, rest = tokens[0], tokens[1:]
    if verb in _QUESTION:
        return verb, None
    return verb, _object(rest)


def _object(tokens: list[str]) -> str | None:
    """The last word of the noun phrase that the tokens begin with."""
    head = None
    if tokens and tokens[0] in _PRONOUN and len(tokens) > 1:  # "tell me a story", "show her the way"
        tokens = tokens[1:]
    if len(tokens) > 2 and tokens[0] in ("and", "or"):  # "compare and contrast the two phrases"
        tokens = tokens[2:]
    for token in tokens:
        if head is None and (token in _ADJECTIVE or token.isdigit()):
            continue
        if token in _BOUNDARY or token in _PRONOUN or not token[0].isalpha():
            if token == "," and head is None:
                continue
            break
        if token not in _DETERMINER:
            head = token
    return head
