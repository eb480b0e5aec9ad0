"""What an audit found: one finding for each expectation, as data that reports and manifests can hold."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipelines.atomic import write_json
from pipelines.errors import InvariantError, UserError


class AuditError(InvariantError):
    """A critical expectation failed (exit 3)."""


@dataclass(frozen=True)
class Finding:
    """What became of one expectation.

    `subject` is what it looks at (rows, texts, dataset, pairs or languages, counts, corpora), `column` the column or
    figure, `expected` its limits, `observed` the value or the number of exceptions, `offending` up to 20 rows that
    break it.
    """

    subject: str
    expectation: str
    column: str
    severity: str
    success: bool
    meaning: str
    expected: str
    observed: str
    offending: tuple[dict[str, Any], ...] = ()

    @property
    def sentence(self) -> str:
        where = f"{self.subject}.{self.column}: {self.meaning}"
        return f"{where}; expected {self.expected}, observed {self.observed} ({self.expectation})"


@dataclass(frozen=True)
class Audit:
    """All findings of an audit, the figures of each pair or language that bands are set for, and what it left out."""

    findings: tuple[Finding, ...]
    pairs: tuple[dict[str, Any], ...] = ()
    unchecked: tuple[str, ...] = ()

    @property
    def failed(self) -> list[Finding]:
        return [f for f in self.findings if not f.success and f.severity == "critical"]

    @property
    def warned(self) -> list[Finding]:
        return [f for f in self.findings if not f.success and f.severity != "critical"]

    def summary(self) -> dict[str, Any]:
        """For the run's manifest."""
        return {
            "great_expectations": importlib.metadata.version("great_expectations"),
            "expectations": len(self.findings),
            "warnings": [asdict(finding) for finding in self.warned],
        }

    def write(self, path: Path) -> None:
        """Writes the findings as JSON."""
        found = {"findings": [asdict(finding) for finding in self.findings], "pairs": list(self.pairs)}
        write_json(path, {"passed": not self.failed} | found)


def require_great_expectations() -> None:
    """Raises `UserError` where the audit's library is missing: before the work, not after it."""
    if importlib.util.find_spec("great_expectations") is None:
        raise UserError("the audit needs Great Expectations: pip install 'polyinstruct[audit,report]'")


def pass_or_raise(found: Audit, folder: Path) -> dict[str, Any]:
    """Writes the findings into `folder`; returns what the run's manifest says of them.

    Raises `AuditError` if a critical expectation failed.
    """
    found.write(folder / "results.json")
    if found.failed:
        raise failure(found, f"all results are in {folder} until the next run")
    return {"audit": found.summary()}


def failure(found: Audit, where: str = "") -> AuditError:
    """The critical findings as an error that says all a person needs: expectation, observed value, offending rows."""
    lines = []
    for finding in found.failed:
        lines.append(finding.sentence)
        lines += [
            "    " + ", ".join(f"{name} {value!r}" for name, value in row.items())
            for row in finding.offending
        ]
    return AuditError("\n".join(["the audit failed", *lines, where]).rstrip())
