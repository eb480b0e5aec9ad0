"""The demo engine gives back every translation that it was taught."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "translation"))

from demo_engine import DEMO, TARGETS, directory, engine, known

from schemas.translation_config import Decoding


@pytest.mark.parametrize("language", TARGETS)
@pytest.mark.parametrize("beam_size", [1, 4])
def test_every_known_segment_is_translated_exactly(language: str, beam_size: int) -> None:
    segments = known()[language]
    assert len(segments) > 250
    found = engine().translate(list(segments), "en", language, Decoding(beam_size=beam_size))
    wrong = [
        (source, target, translation.text)
        for (source, target), translation in zip(segments.items(), found, strict=True)
        if translation.text != target
    ]
    assert not wrong
    assert not any(t.target_unknown or t.source_unknown or t.target_truncated for t in found)


def test_the_engine_is_small_and_says_what_it_is() -> None:
    assert sum(path.stat().st_size for path in DEMO.iterdir()) < 5_000_000
    manifest = directory().manifest
    assert manifest.license == "CC0-1.0"
    assert set(manifest.target_tags) == {"en", *TARGETS}
    assert manifest.trim is not None
    assert manifest.trim.equal_share == 1
