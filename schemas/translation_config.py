"""The configuration of the translation engine: how it decodes, and how it uses the machine."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from schemas.section import Identified, Section


class Decoding(Identified):
    """How the engine searches for a translation. Every key changes what comes out, so all are part of its identity."""

    beam_size: int = Field(4, ge=1, le=64, description="hypotheses kept at each step; 1 is greedy search")
    # at 1, short wrong hypotheses end the search before a long right one is finished: -0.38 chrF++ with NLLB-200 3.3B
    # (hf.co/jknafou/nllb-200-3.3B-ct2-float16), 92 of 1,746 sentences of the demo engine against 5 at 2
    patience: float = Field(
        2.0, ge=1, description="search until beam_size * patience hypotheses are finished (arXiv 2204.05424)"
    )
    length_penalty: float = Field(
        1.0, ge=0, description="a hypothesis' log-probability is divided by its length to this power"
    )
    no_repeat_ngram_size: int = Field(0, ge=0, description="no n-gram of this size twice; 0: no such block")
    max_input_length: int = Field(
        512, ge=8, description="source tokens, tags and end token included; longer texts are not translated"
    )
    max_decoding_length: int = Field(
        512, ge=8, description="target tokens, end token included; a translation that needs more is cut"
    )


class EngineConfig(Section):
    """Where the engine is and how it uses the machine. None of this changes a translation, apart from rounding."""

    path: Path = Field(description="engine directory, made by jobs/prepare_engine.py")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: the GPUs if there are any")
    threads: int | None = Field(
        None, ge=1, description="batches a worker translates at once; default: its CPU cores, or GPUs"
    )
    workers: int = Field(
        1, ge=1, description="processes that load the engine: one for each machine (Spark executor)"
    )
    token_budget: int | None = Field(
        None, ge=64, description="source tokens in a batch, padding included; default: found by a short trial"
    )
    commit_every_s: float = Field(
        10.0, ge=0, description="seconds between writes to the translation memory: what a killed run loses"
    )
