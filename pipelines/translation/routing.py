"""Tasks that translation destroys, told by readable rules with a reason each.

A task about the surface of language is no task any more in another language: the sentence whose mistake was to be
mended comes out without one (tloen/alpaca-lora#180), rhymes and letters are gone, and words are other words. The
rules (`routing_rules.py`) look at the instruction; the first that holds gives the reason. What becomes of it the
configuration says (`schemas/translation.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import regex

from pipelines.translation.routing_rules import RULES
from schemas.translation import Route, RoutingConfig

_LETTER = regex.compile(r"\p{L}")
_FOREIGN = regex.compile(r"[\p{L}--\p{Latin}\p{Greek}]", regex.V1)  # Greek letters are in formulas
_FOREIGN_SHARE = 0.2


@dataclass(frozen=True)
class Routed:
    """What becomes of a record, and why (`None`: an ordinary task)."""

    route: Route
    reason: str | None


def route(fields: Mapping[str, str], config: RoutingConfig) -> Routed:
    """The route of a record with `instruction`, `input` and `output`.

    Without an input there is nothing in English that a translated instruction could be about, so `instruction_only` is
    `keep_english` then.
    """
    reason = route_reason(fields)
    chosen = config.route(reason)
    if chosen == "instruction_only" and not fields["input"].strip():
        chosen = "keep_english"
    return Routed(chosen, reason)


def route_reason(fields: Mapping[str, str]) -> str | None:
    """The reason of the first rule that holds for a record, or `None`."""
    for rule in RULES:
        if rule.holds(fields["instruction"]):
            return rule.reason
    for text in fields.values():
        letters = len(_LETTER.findall(text)) if not text.isascii() else 0
        if letters and len(_FOREIGN.findall(text)) > _FOREIGN_SHARE * letters:
            return "foreign_text"
    return None
