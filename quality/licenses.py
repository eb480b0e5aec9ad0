"""The licence of a whole, derived from those of its parts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# from the freest to the strictest; a licence is of the strictest kind whose sign its identifier bears
_KINDS = (
    ("public domain", ("CC0-", "PDDL-", "Unlicense")),
    ("attribution", ("CC-BY-", "MIT", "Apache-", "BSD-", "ODC-By-")),
    ("share-alike", ("CC-BY-SA-", "GPL-", "AGPL-", "LGPL-", "ODbL-", "GFDL-")),
    ("non-commercial", ("CC-BY-NC-",)),
    ("terms of its own", ("LicenseRef-",)),
    ("unknown", ()),
)
_FREE_TO_COMBINE = 2  # kinds that any other may take up


@dataclass(frozen=True)
class Whole:
    """The strictest licence among the parts, whether it can stand for the whole, and why."""

    license: str
    covers_all: bool
    why: str


def of_whole(licenses: Iterable[str]) -> Whole:
    """The licence of a dataset whose rows come under `licenses` (SPDX identifiers, `LicenseRef-…` or `unknown`).

    The strictest is named. It covers the whole if the others may be taken up into it: public domain and attribution
    may; one share-alike or non-commercial licence beside another may not, and an unknown one never does.
    """
    parts = sorted(set(licenses), key=lambda name: (_kind(name), name), reverse=True)
    if not parts:
        return Whole("unknown", False, "no row was kept.")
    strictest = parts[0]
    kind = _KINDS[_kind(strictest)][0]
    if _kind(strictest) >= len(_KINDS) - 2:
        return Whole(
            strictest,
            False,
            f"`{strictest}` is the strictest of {_named(parts)} ({kind}); ask its owners before you pass the rows on.",
        )
    others = [name for name in parts[1:] if _kind(name) >= _FREE_TO_COMBINE]
    if others:
        return Whole(
            strictest,
            False,
            f"`{strictest}` is the strictest of {_named(parts)} ({kind}), but {_named(others)} cannot be taken up into "
            "it: the rows keep their own licences (column `license`), and no single one covers all.",
        )
    if len(parts) == 1:
        return Whole(strictest, True, f"all rows come under `{strictest}` ({kind}).")
    return Whole(
        strictest,
        True,
        f"`{strictest}` is the strictest of {_named(parts)} ({kind}), and the others may be taken up into it.",
    )


def _kind(name: str) -> int:
    """The place of its kind in `_KINDS`: the last whose sign it bears, and `unknown` if it bears none."""
    fitting = [place for place, (_, signs) in enumerate(_KINDS[:-1]) if name.startswith(signs)]
    return fitting[-1] if fitting else len(_KINDS) - 1


def _named(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
