"""What the translation's text side makes of a real file: rejects, routes, protected spans, segments; and rows to read.

    python benchmarks/instruction_statistics.py alpaca_data.json [--rows 50] [--reason grammar] [--seed 1]

Nothing is translated. `--rows` prints that many rows drawn by seed (of one route reason, or `none`, with `--reason`),
each with the strings that an engine would be asked for.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pipelines.translation.plan import FIELDS, RecordPlan, plan_record
from pipelines.translation.records import Record, Reject, read_records
from pipelines.translation.routing import Routed, route
from pipelines.translation.segments import estimate_tokens
from pipelines.translation.spans import find_spans
from schemas.translation import ROUTE_REASONS, RoutingConfig

_FIELDS_OF = {"translate": FIELDS, "instruction_only": ("instruction",), "keep_english": (), "skip": ()}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, help="Alpaca JSON, JSONL or Parquet")
    parser.add_argument("--rows", type=int, default=0, help="rows to print")
    parser.add_argument("--reason", choices=[*ROUTE_REASONS, "none"], help="print rows of this route reason")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    started = time.monotonic()
    counts: dict[str, Counter[str]] = {
        name: Counter() for name in ("rejects", "flags", "routes", "spans", "span rows", "plan")
    }
    requests: set[str] = set()
    rows: list[tuple[Record, Routed]] = []
    for row in read_records(arguments.file):
        if isinstance(row, Reject):
            counts["rejects"][row.reason] += 1
            continue
        routed = route(row.fields, RoutingConfig())
        rows.append((row, routed))
        counts["flags"].update(row.flags)
        counts["routes"][f"{routed.route:17} {routed.reason or ''}"] += 1
        plan = plan_record(row.fields, _FIELDS_OF[routed.route])
        _count(plan, counts, requests)
    seconds = time.monotonic() - started
    total = len(rows) + sum(counts["rejects"].values())
    print(f"{total:,} records in {seconds:.0f} s ({total / seconds:,.0f} a second), {len(rows):,} usable")
    for name, counter in counts.items():
        print(name)
        for key, count in counter.most_common():
            print(f"  {count:9,}  {key}")
    print(f"  {len(requests):9,}  distinct requests")
    print(f"  {sum(map(estimate_tokens, requests)):9,.0f}  their tokens, estimated")
    wanted = [pair for pair in rows if arguments.reason in (None, pair[1].reason or "none")]
    for row, routed in random.Random(arguments.seed).sample(wanted, min(arguments.rows, len(wanted))):
        _show(row, routed)
    return 0


def _count(plan: RecordPlan, counts: dict[str, Counter[str]], requests: set[str]) -> None:
    kinds = Counter(span.kind for name in plan.fields for span in find_spans(plan.source[name]))
    counts["spans"].update(kinds)
    counts["span rows"].update(kinds.keys())
    asked = plan.requests()
    requests.update(asked)
    fixed = [name for name, parts in plan.fields.items() if not any(part.translate for part in parts)]
    counts["plan"].update(
        {
            "requests": len(asked),
            "requests with placeholders": sum("X1" in request for request in asked),
            "records with shared phrases": bool(plan.phrases),
            "shared phrases": len(plan.phrases),
            "fields with nothing to translate": sum(bool(plan.source[name].strip()) for name in fixed),
        }
    )


def _show(row: Record, routed: Routed) -> None:
    plan = plan_record(row.fields, _FIELDS_OF[routed.route])
    print(f"\n=== {row.index}: {routed.route} ({routed.reason or 'no reason'})")
    for name in FIELDS:
        print(f"--- {name}: {row.fields[name]!r}")
    for request in plan.requests():
        print(f"    > {request!r}")
    for phrase in plan.phrases:
        print(f"    shared: {phrase!r}")


if __name__ == "__main__":
    sys.exit(main())
