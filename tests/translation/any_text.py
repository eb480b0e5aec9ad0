"""Texts for property tests: any characters at all, and the awkward ones thick and fast."""

from __future__ import annotations

from hypothesis import strategies as st

_AWKWARD = [
    *"aB1 .,;:!?|>#*-_()<>\\/`'\"$%=中文。，אב؟ء😀\u0301\u200d\u2028\x00\x85\ud800\ue000\n\r\t",
    "1. ",
    "| ",
    "\r\n",
    "👨‍👩‍👧",
]
ANY_TEXT = st.text(st.characters(exclude_categories=())) | st.lists(st.sampled_from(_AWKWARD)).map("".join)
