"""The licence of a whole, derived from those of its parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# from the freest to the strictest; a licence is of the strictest kind whose sign its identifier bears
_KINDS = (
    ("public domain", ("CC0-", "PDDL-", "Unlicense")),
    ("attribution", ("CC-BY-", "MIT", "Apache-", "BSD-", "ODC-By-")),
    ("share-alike", ("CC-BY-SA-", "GPL-", "AGPL-", "LGPL-", "ODbL-", "GFDL-")),
    ("non-commercial", ("CC-BY-NC-",)),
    ("no derivatives", ("CC-BY-ND-", "CC-BY-NC-ND-")),
    ("terms of its own", ("LicenseRef-",)),
    ("unknown", ()),
)
_FREE_TO_COMBINE = 2  # so many kinds any other may take up
_CLOSED = 3  # so many of the last kinds cannot stand for a whole
# the Hub's names, where they are not the SPDX identifier in small letters
_HUB = {
    "odc-by-1.0": "odc-by",
    "odbl-1.0": "odbl",
    "pddl-1.0": "pddl",
    "gpl-3.0-only": "gpl-3.0",
    "gpl-3.0-or-later": "gpl-3.0",
}
_HUB_KNOWS = frozenset(
    (
        "cc0-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-2.0",
        "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "mit", "apache-2.0",
        "bsd-2-clause", "bsd-3-clause", "gpl-3.0", "odc-by", "odbl", "pddl", "gfdl", "unlicense",
    )
)  # fmt: skip


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
    if _kind(strictest) >= len(_KINDS) - _CLOSED:
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


def kept_licenses(manifest: Mapping[str, Any]) -> set[str]:
    """The licences of the corpora of which rows were kept."""
    kept = {(count["corpus"], count["pair"]) for count in manifest["counts"] if count["kept"]}
    return {source["license"] for source in manifest["inputs"] if (source["corpus"], source["pair"]) in kept}


def hub_name(whole: Whole) -> str:
    """The Hub's name of a licence; `other` where it has none, or none covers the whole."""
    name = _HUB.get(whole.license.lower(), whole.license.lower())
    return name if whole.covers_all and name in _HUB_KNOWS else "other"


def _kind(name: str) -> int:
    """The place of its kind in `_KINDS`: the last whose sign it bears, and `unknown` if it bears none."""
    lower = name.lower()  # the Hub writes them so
    fitting = [
        place
        for place, (_, signs) in enumerate(_KINDS[:-1])
        if lower.startswith(tuple(sign.lower() for sign in signs))
    ]
    return fitting[-1] if fitting else len(_KINDS) - 1


def _named(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
