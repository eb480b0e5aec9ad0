"""What extending a tokenizer says on the terminal at its end: a table of languages, and what the new size means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from pipelines.summary import right_aligned, say
from schemas.extend_run import ExtendRun

_FAVOURABLE = 64  # rows of an embedding of which a GPU's matrix units like multiples


def print_extended(manifest: Mapping[str, Any], config: ExtendRun) -> None:
    """Prints language × (lines, tokens per word and character before and after, lines unchanged), sizes and places."""
    names = ("language", "lines", "per word", "per character", "fewer tokens", "lines unchanged")
    table = right_aligned(*names, numbers=slice(1, None))
    for column in table.columns[1:]:
        column.no_wrap = True
    for lang, found in manifest["measured"].items():
        before, after = found["tokens_before"], found["tokens_after"]
        spaced = config.language(lang).spaced
        table.add_row(
            lang,
            f"{found['lines']:,}",
            _change(before, after, found["words"]) if spaced else "",
            _change(before, after, found["characters"]),
            f"{1 - after / before:.1%}" if before else "",
            f"{found['unchanged_lines'] / found['lines']:.2%}" if found["lines"] else "",
        )
    say("tokens before and after, on documents that no piece was learned from:")
    Console(soft_wrap=True).print(table)
    for source in manifest["inputs"]:
        if source["broken"]:
            say(
                f"{source['path']}: {source['broken']:,} of {source['rows']:,} rows are no documents and left out"
            )
    if "en" not in manifest["measured"]:
        say("English was not measured: --text en=FILE shows how much of it is tokenised as before")
    size, pieces = manifest["vocab_size"], manifest["pieces"]
    say(f"vocabulary: {manifest['base']['vocab_size']:,} + {pieces['added']:,} = {size:,} pieces")
    if pieces["added"] < pieces["asked"]:
        say(
            f"  ({pieces['asked']:,} pieces were asked for; the text has no more than {pieces['added']:,} new ones)"
        )
    elif rest := -size % _FAVOURABLE:
        asked = pieces["asked"] + rest
        say(
            f"  (embeddings train fastest at a multiple of {_FAVOURABLE}: {asked:,} pieces would make {size + rest:,})"
        )
    say(f"tokenizer: {config.output}")


def _change(before: int, after: int, units: int) -> str:
    return f"{before / units:.2f} → {after / units:.2f}" if units else ""
