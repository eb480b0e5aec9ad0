"""The two kinds of failure that a job turns into an exit code."""

from __future__ import annotations


class UserError(Exception):
    """Something the person can mend: bad configuration or bad input (exit 2).

    Holds every problem found, each a whole sentence that names the file, line, field or key, and what was expected.
    """

    def __init__(self, *problems: str) -> None:
        self.problems: tuple[str, ...] = problems
        super().__init__("\n".join(problems))


class InvariantError(Exception):
    """The data broke a rule that must hold, such as read = kept + rejected (exit 3). Nothing was published."""


INTERRUPTED = "interrupted; run the same command again to go on where it stopped"
