"""The instructions of translation tasks (`templates.yaml`)."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import yaml

from schemas.languages import Language


def instructions(kind: str, direction: str, source: Language, target: Language) -> list[str]:
    """The instructions of a direction (`en-zh`), in an order that never changes.

    `kind` is `paper` (the paper's one), `english`, or `varied` (English ones, and those in the other language).
    """
    declared: dict[str, Any] = yaml.safe_load(
        files("pipelines.mixture").joinpath("templates.yaml").read_text("utf-8")
    )
    texts: list[str] = [declared["paper"]] if kind == "paper" else list(declared["english"])
    if kind == "varied":
        left, right = direction.split("-")
        way = declared["of"].get(right if left == "en" else left, {})
        texts += way.get("to" if left == "en" else "from", [])
    return [text.replace("<SRC>", source.name).replace("<TGT>", target.name) for text in texts]
