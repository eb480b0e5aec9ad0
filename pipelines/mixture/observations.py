"""What laws are fitted to: a CSV file with the columns `language`, `pairs` (or `rows`) and `score`.

A fourth column, `data`, may say `parallel` (the default) or `monolingual`: laws of monolingual data are fitted and
drawn for comparison (Figure 7 of the paper), and allocated nothing.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import UserError

PARALLEL, MONOLINGUAL = "parallel", "monolingual"


@dataclass(frozen=True)
class Observation:
    """A score that was measured after training on so many rows."""

    language: str
    data: str
    rows: float
    score: float


def read_observations(path: Path) -> list[Observation]:
    """The observations of a file. Raises `UserError` with every bad line."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            names = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = names
            rows_name = next((name for name in ("pairs", "rows") if name in names), None)
            if rows_name is None or not {"language", "score"} <= set(names):
                raise UserError(
                    f"{path}: expected a first line with language, pairs and score, "
                    f"found {', '.join(names) or 'nothing'}"
                )
            lines = [(reader.line_num, row) for row in reader]
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: is no CSV file ({error})") from None
    problems: list[str] = []
    found = []
    for number, row in lines:
        try:
            found.append(_observation(row, rows_name))
        except ValueError as error:
            problems.append(f"{path}, line {number}: {error}")
    if not found and not problems:
        problems.append(f"{path}: no observations")
    if problems:
        raise UserError(*problems)
    return found


def _observation(row: dict[str, str], rows_name: str) -> Observation:
    language = (row["language"] or "").strip()
    if not language:
        raise ValueError("no language")
    data = (row.get("data") or PARALLEL).strip()
    if data not in (PARALLEL, MONOLINGUAL):
        raise ValueError(f"data is {data!r}; expected {PARALLEL} or {MONOLINGUAL}")
    rows, score = _number(row, rows_name), _number(row, "score")
    if rows < 1:
        raise ValueError(f"{rows_name} is {rows:g}; expected one or more")
    if not 0 <= score < 100:
        raise ValueError(f"score is {score:g}; expected one from 0 up to, not including, 100")
    return Observation(language, data, rows, score)


def _number(row: dict[str, str], name: str) -> float:
    text = (row[name] or "").strip()
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{name} is {text!r}; expected a number") from None
    if not math.isfinite(number):
        raise ValueError(f"{name} is {text}; expected a finite number")
    return number
