"""The kinds of datasets that jobs make: what an output's folders hold, and which of them is published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas import instructions, mi_eval, mixture, parallel, tokens
from schemas.config import RunConfig
from schemas.fields import Dataset
from schemas.manifest import (
    Manifest,
    MiEvalManifest,
    MixtureManifest,
    ParallelManifest,
    TokensManifest,
    TranslationManifest,
)
from schemas.mi_eval_run import MiEvalRun
from schemas.mixture_run import MixtureRun
from schemas.section import Identified
from schemas.tokens_run import TokenizeRun
from schemas.translation_run import TranslationRun


@dataclass(frozen=True)
class Kind:
    """An output, with a manifest of its own: `folders` by name, and `published`, the one that travels alone, too."""

    name: str  # the manifest's `dataset`
    job: str
    version: str  # of its columns and manifest
    manifest: type[Manifest]
    config: type[Identified]
    published: str
    folders: Mapping[str, Dataset]


PARALLEL = Kind(
    name="parallel",
    job="build_parallel",
    version=parallel.SCHEMA_VERSION,
    manifest=ParallelManifest,
    config=RunConfig,
    published="parallel",
    folders={"parallel": parallel.PARALLEL, "rejected": parallel.REJECTED, "scored": parallel.SCORED},
)
TRANSLATED = Kind(
    name="translated_instructions",
    job="translate_instructions",
    version=instructions.SCHEMA_VERSION,
    manifest=TranslationManifest,
    config=TranslationRun,
    published="instructions",
    folders={"instructions": instructions.INSTRUCTIONS, "rejected": instructions.REJECTED_INSTRUCTIONS},
)
TOKENS = Kind(
    name="tokens",
    job="tokenize_shards",
    version=tokens.SCHEMA_VERSION,
    manifest=TokensManifest,
    config=TokenizeRun,
    published="tokens",
    folders={"tokens": tokens.TOKENS, "rejected": tokens.REJECTED_TOKENS},
)
MI_EVAL = Kind(
    name="mi_eval",
    job="build_mi_eval",
    version=mi_eval.SCHEMA_VERSION,
    manifest=MiEvalManifest,
    config=MiEvalRun,
    published="mi_eval",
    folders={"mi_eval": mi_eval.MI_EVAL, "rejected": mi_eval.REJECTED_MI_EVAL},
)
MIXTURE = Kind(
    name="mixture",
    job="build_instructions",
    version=mixture.SCHEMA_VERSION,
    manifest=MixtureManifest,
    config=MixtureRun,
    published="instructions",
    folders={"instructions": mixture.INSTRUCTIONS, "rejected": mixture.REJECTED},
)

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (PARALLEL, TRANSLATED, MI_EVAL, MIXTURE, TOKENS)}
