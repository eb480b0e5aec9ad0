"""Placeholders there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.translation import protection
from pipelines.translation.segments import MARK


@pytest.mark.parametrize(
    ("translated", "filled"),
    [
        ("X1 avant X2.", "`a` avant `b`."),
        ("X2 après X1.", "`b` après `a`."),
        ("使用X1和X2。", "使用`a`和`b`。"),
        ("X1X2", "`a``b`"),
        ("Το Χ1 και το Χ2", "Το `a` και το `b`"),  # Greek capitals
        ("استخدم X١ ثم X٢", "استخدم `a` ثم `b`"),
        ("X1'den X2'ye", "`a`'den `b`'ye"),
        ("X1 seul", None),
        ("X1 X1 X2", None),
        ("X1 X2 X3", None),
        ("x1 x2", None),
        ("X12", None),
        ("AX1 X2", None),
        ("", None),
    ],
)
def test_every_placeholder_once_or_not_at_all(translated: str, filled: str | None) -> None:
    assert protection.fill(translated, ["`a`", "`b`"]) == filled


@given(st.lists(st.sampled_from(["Use ", " and ", "wait, ", "(", ") ", "X ", "é", "\n"])), st.integers(0, 4))
def test_a_request_is_filled_again(words: list[str], spans: int) -> None:
    masked = "".join(words[:spans]) + " " + " ".join([MARK] * spans) + " " + "".join(words[spans:])
    contents = [f"<{i}>" for i in range(spans)]
    expected = masked
    for content in contents:
        expected = expected.replace(MARK, content, 1)
    assert protection.fill(protection.request(masked), contents) == expected


@given(st.text(st.sampled_from(list("ab .,;()'\"é中" + MARK))))
def test_the_pieces_around_spans_are_the_segment(masked: str) -> None:
    assert "".join(piece.text for piece in protection.around(masked)) == masked
    assert all(MARK not in piece.text for piece in protection.around(masked) if piece.translate)
