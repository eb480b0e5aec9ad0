"""What a plan says on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from pipelines.mixture.planning import Plan
from pipelines.summary import say


def print_plan(made: Plan) -> None:
    """Prints each language's law, rows and score; then the multiplier, what is capped, and the gains."""
    laws, found = made.laws, made.allocation
    gammas = any(language.law.gamma is not None for language in laws.languages.values())
    table = Table("language", "rows", "of", "score", "alpha", "beta")
    for name in (*(("gamma",) if gammas else ()), *(("error",) if laws.fits else ())):
        table.add_column(name)
    for column in table.columns[1:]:
        column.justify, column.no_wrap = "right", True
    table.add_column("")
    for name, language in laws.languages.items():
        law, rows = language.law, found.rows[name]
        cells = [
            f"{rows:,}",
            "-" if language.maximum is None else f"{language.maximum:,}",
            f"{float(law.score(max(rows, 1))):.2f}",
            f"{law.alpha:.4g}",
            f"{law.beta:.4f}",
        ]
        if gammas:
            cells.append("-" if law.gamma is None else f"{law.gamma:.3f}")
        if laws.fits:
            cells.append(f"{laws.fits[name].error:.2f}")
        table.add_row(
            name, *cells, "all" if name in found.capped else "floor" if name in found.floored else ""
        )
    Console().print(table)
    following = f"the next 1,000 rows are worth +{1000 * found.multiplier:.2g} points"
    if not found.multiplier:
        following = "there are no more rows"
    lines = [f"mean score {made.score:.3f} with {made.budget:,} rows; {following}"]
    for gain in made.gains:
        sure = (
            "how sure is not known, for the laws were given or have too few points"
            if gain.interval is None
            else f"90 % between {gain.interval[0]:+.3f} and {gain.interval[1]:+.3f}"
        )
        lines.append(f"{gain.points:+.3f} over the {gain.over} allocation ({sure})")
    for line in lines:
        say(line)
    unbounded = [name for name, language in made.laws.languages.items() if language.maximum is None]
    if unbounded:
        say(f"how many rows there are is not known for {', '.join(unbounded)}: give --manifest")
