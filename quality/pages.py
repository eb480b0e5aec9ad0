"""What our pages share: the template environment, and rows of a corpus as a page shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from pipelines.atomic import replacing
from quality.findings import Audit
from schemas.config import RunConfig
from schemas.languages import LANGUAGES, Language

MAX_BYTES = 4 << 20  # of a page
MOST_LETTERS = 400  # of a text
FIELDS = ("instruction", "input", "output")  # of a record
_RIGHT_TO_LEFT = frozenset({"Arabic", "Hebrew", "Syriac", "Thaana", "Nko"})


def write_page(
    path: Path, template: str, views: Iterable[Mapping[str, Any]], most_bytes: int | None = None
) -> None:
    """Writes a page of this package's `template` with the first of `views` that keeps within `most_bytes`.

    The last one is taken whatever its size. What a template is given is escaped.
    """
    filled = _environment().get_template(template)
    html = b""
    for view in views:
        html = filled.render(view).encode()
        if most_bytes is None or len(html) <= most_bytes:
            break
    with replacing(path) as temporary:
        temporary.write_bytes(html)


def of_run(manifest: Mapping[str, Any], audited: Audit) -> dict[str, Any]:
    """What every report shows of a run, and of its audit."""
    return {
        "manifest": manifest,
        "findings": audited.findings,
        "failed": [finding for finding in audited.findings if not finding.success],
        "versions": manifest["environment"] | {"great_expectations": audited.summary()["great_expectations"]},
        "config": yaml.safe_dump(manifest["config"], sort_keys=False, allow_unicode=True),
    }


def shown_fields(row: Mapping[str, Any], code: str, language: Language | None) -> list[dict[str, str]]:
    """The fields of an instruction that are not empty, with their names."""
    return [{"name": name} | shown_text(row[name], code, language) for name in FIELDS if row[name]]


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("quality", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def shown_row(row: Mapping[str, Any], config: RunConfig) -> dict[str, Any]:
    """A row with its texts, their languages and directions, its place and id."""
    sides = []
    for side in ("src", "tgt"):
        code = row[f"{side}_lang"]
        language = (LANGUAGES | config.languages).get(code)  # another configuration may have described it
        script = row.get("zh_script") if code == "zh" and side == "tgt" else None
        named = f"{code}-{script}" if script in ("Hans", "Hant") else code
        sides.append(shown_text(row[f"{side}_text"] or "", named, language))
    return {
        "sides": sides,
        "pair": f"{row['src_lang']}-{row['tgt_lang']}",
        "place": f"{_cut(row['file'])}:{row['line']}",
        "detail": row.get("detail") and _cut(row["detail"]),
        "id": row["id"],
    }


def shown_text(text: str, lang: str, language: Language | None) -> dict[str, str]:
    """A text, cut, with its language (BCP 47) and direction."""
    right_to_left = language is not None and bool(_RIGHT_TO_LEFT & set(language.scripts))
    return {"lang": lang, "dir": "rtl" if right_to_left else "ltr", "text": _cut(text)}


def _cut(text: str) -> str:
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}…"
