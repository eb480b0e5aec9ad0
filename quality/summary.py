"""What an audit says on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from quality.findings import Audit


def print_findings(found: Audit, manifest: Mapping[str, Any]) -> None:
    """Prints one line for each subject, one for each warning, and what could not be checked."""
    console = Console()
    table = Table("looked at", "expectations", "failed", "warnings")
    for subject in dict.fromkeys(finding.subject for finding in found.findings):
        of = [finding for finding in found.findings if finding.subject == subject]
        failed, warned = (sum(f.subject == subject for f in group) for group in (found.failed, found.warned))
        table.add_row(subject, str(len(of)), str(failed), str(warned))
    console.print(table)
    for finding in found.warned:
        console.print(f"warning: {finding.sentence}", highlight=False, soft_wrap=True, markup=False)
    again = {finding.column for finding in found.findings if finding.subject == "texts"}
    if "other_language" not in again:
        model = manifest["lid_model"]["name"]
        console.print(
            f"not checked: the languages of a sample of the texts, since the LID model {model} is not here"
        )
    if "found_in" not in again and manifest["eval"]:
        console.print(
            "not checked: a sample of the texts against the evaluation sets; --eval DIR names their folder"
        )
