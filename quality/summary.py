"""What an audit says on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from pipelines.summary import say
from quality.findings import Audit


def print_findings(found: Audit) -> None:
    """Prints one line for each subject, one for each warning, and what could not be checked."""
    table = Table("looked at", "expectations", "failed", "warnings")
    for subject in dict.fromkeys(finding.subject for finding in found.findings):
        of = [finding for finding in found.findings if finding.subject == subject]
        failed, warned = (sum(f.subject == subject for f in group) for group in (found.failed, found.warned))
        table.add_row(subject, str(len(of)), str(failed), str(warned))
    Console().print(table)
    for finding in found.warned:
        say(f"warning: {finding.sentence}")
    for left_out in found.unchecked:
        say(f"not checked: {left_out}")
