"""The strictest licence is named, and covers the whole only where it may."""

from __future__ import annotations

import pytest

from quality.licenses import of_whole


@pytest.mark.parametrize(
    ("parts", "strictest", "covers_all"),
    [
        (["CC0-1.0"], "CC0-1.0", True),
        (["CC0-1.0", "CC-BY-2.0"], "CC-BY-2.0", True),
        (["CC-BY-2.0", "CC-BY-SA-4.0", "CC0-1.0"], "CC-BY-SA-4.0", True),
        (["CC-BY-2.0", "CC-BY-NC-4.0"], "CC-BY-NC-4.0", True),
        (["CC-BY-SA-4.0", "CC-BY-NC-4.0"], "CC-BY-NC-4.0", False),
        (["CC-BY-SA-4.0", "CC-BY-SA-3.0"], "CC-BY-SA-4.0", False),
        (["CC-BY-SA-4.0", "LicenseRef-WMT-research"], "LicenseRef-WMT-research", False),
        (["CC0-1.0", "CC-BY-ND-4.0"], "CC-BY-ND-4.0", False),
        (["CC0-1.0", "unknown"], "unknown", False),
        (["Our own terms"], "Our own terms", False),
        ([], "unknown", False),
    ],
)
def test_the_strictest_is_named(parts: list[str], strictest: str, covers_all: bool) -> None:
    whole = of_whole(parts)
    assert (whole.license, whole.covers_all) == (strictest, covers_all)
    for name in parts:
        assert f"`{name}`" in whole.why
