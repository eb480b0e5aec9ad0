"""What `explain` says on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipelines.summary import say
from quality.explain import Life, evidence
from schemas.config import RunConfig
from schemas.reasons import REASONS


def print_life(life: Life, config: RunConfig) -> None:
    """Prints a row's origin, texts, decision, scores beside thresholds, cluster and place."""
    console = Console()
    row = life.row
    console.rule(f"{row['pair']} {escape(_place(row))}", align="left")
    say(f"id {row['id']}, {row['corpus']}, licence {row['license']}")
    say(f"  {row['src_lang']}: {row['src_text']}")
    say(f"  {row['tgt_lang']}: {row['tgt_text']}")
    reason = row["reason"]
    if reason is None:
        say(f"kept, split {row['split']}; row {life.place} of {life.shard}")
    else:
        detail = f" ({row['detail']})" if row["detail"] else ""
        say(f"rejected: {reason}, {REASONS[reason]}{detail}; row {life.place} of {life.shard}")
    if life.survivor is not None:
        better = life.survivor
        fate = f"split {better['split']}" if better.get("split") else f"rejected: {better['reason']}"
        say(f"the better row: {_place(better)}, id {better['id']}, {fate}")
        say(f"  {better['src_text']} | {better['tgt_text']}")
    if life.relatives:
        say(
            "others with the same text:"
            if reason in ("hub", "source_cap", "target_cap")
            else "others of its cluster:"
        )
        for other in life.relatives:
            say(
                f"  {_place(other)} ({other.get('reason') or 'kept'}): {other['src_text']} | {other['tgt_text']}"
            )
    table = Table(
        "reason, in the order tried",
        "scores",
        "thresholds" + (" (strict: high margin)" if life.strict else ""),
    )
    for name, values, limits in evidence(life, config):
        style = "bold" if name == reason else None
        table.add_row(name, escape(values), escape(limits), style=style)
    console.print(table)


def _place(row: Mapping[str, Any]) -> str:
    return f"{row['file']}:{row['line']}"
