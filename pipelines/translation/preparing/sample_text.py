"""Sample text of the languages: what the trim is chosen by, certified on, and the engine tested with.

A folder of `<language>.txt` (one sentence a line), and of `.jsonl` whose objects have texts under language codes
(`{"en": "…", "zh": "…"}`); other keys are ignored.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from pipelines.errors import UserError

_MOST = 20_000_000  # characters read of a language: more text names more typing errors, not more vocabulary


def read_sample_text(folder: Path, languages: Collection[str]) -> dict[str, list[str]]:
    """The sentences of each language, without empty ones.

    Raises `UserError` if a file cannot be read, or there is no English: that is what is translated.
    """
    texts: dict[str, list[str]] = {code: [] for code in ("en", *languages)}
    sizes = dict.fromkeys(texts, 0)
    if not folder.is_dir():
        raise UserError(f"sample text {folder}: there is no such directory")
    for path in sorted(folder.iterdir()):
        for code, text in _texts(path):
            if code in texts and text.strip() and sizes[code] < _MOST:
                texts[code].append(text.strip())
                sizes[code] += len(text)
    if not texts["en"]:
        raise UserError(
            f"sample text {folder}: has no English; expected en.txt, or .jsonl with texts under 'en'"
        )
    return texts


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    if path.suffix not in (".txt", ".jsonl"):
        return
    try:
        with path.open(encoding="utf-8", newline="\n") as lines:
            for number, line in enumerate(lines, 1):
                if path.suffix == ".txt":
                    yield path.stem, line
                elif line.strip():
                    record = json.loads(line)
                    if not isinstance(record, Mapping):
                        raise UserError(f"{path}:{number}: expected an object with texts by language")
                    yield from ((key, value) for key, value in record.items() if isinstance(value, str))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from None
