"""What the manifest of mixtures says of the rows that were read, kept and mixed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.errors import InvariantError
from pipelines.mixture.sample import Take


def complete_counts(
    found: Sequence[Sequence[Any]], read: Mapping[tuple[str, str], int]
) -> list[dict[str, Any]]:
    """What became of each source's rows, by (source, language, direction), from rows by reason.

    `found` are (source, lang, direction, reason or None, rows of the source, examples); `read` the rows that each
    source has of a language. Raises `InvariantError` unless read = kept + rejected.
    """
    counts: dict[tuple[str, str, str | None], dict[str, Any]] = {}
    for source, lang, direction, reason, rows, examples in found:
        count = counts.setdefault(
            (source, lang, direction),
            {
                "source": source,
                "lang": lang,
                "direction": direction,
                "read": 0,
                "kept": 0,
                "examples": 0,
                "rejected": {},
            },
        )
        if reason is None:
            count["kept"] += rows
            count["examples"] += examples
        else:
            count["rejected"][reason] = rows
    for (source, lang, direction), count in counts.items():
        count["read"] = read[source, lang]
        count["rejected"] = dict(sorted(count["rejected"].items()))
        if count["read"] != count["kept"] + sum(count["rejected"].values()):
            raise InvariantError(
                f"{source} {direction or lang}: {count['read']:,} rows read, but {count} decided on"
            )
    return [counts[key] for key in sorted(counts, key=lambda key: tuple(map(str, key)))]


def described_takes(takes: Mapping[str, Sequence[Take]]) -> dict[str, list[dict[str, Any]]]:
    """The manifest's `mixtures`: what each takes of its parts."""
    return {
        name: [
            {"part": take.part, "split": take.split, "units": take.units, "available": take.available}
            for take in of
        ]
        for name, of in takes.items()
    }
