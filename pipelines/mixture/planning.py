"""Planning a mixture: from observations or laws, what is available and a budget, to the rows of each language."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipelines import __version__
from pipelines.atomic import replacing
from pipelines.errors import UserError
from pipelines.mixture.allocation import (
    Allocation,
    Language,
    allocate,
    gains,
    mean_score,
    proportional,
    uniform,
)
from pipelines.mixture.observations import MONOLINGUAL, PARALLEL, read_observations
from pipelines.mixture.scaling_law import Fit, Law, fit
from pipelines.shards.write import sha256_of
from schemas.laws import LawsFile
from schemas.spelling import did_you_mean


@dataclass(frozen=True)
class Laws:
    """The laws of the languages, the fits they come from (none if the laws were given), and where from."""

    languages: dict[str, Language]
    fits: dict[str, Fit]
    monolingual: dict[str, Fit]
    origin: dict[str, Any]

    @property
    def warnings(self) -> list[str]:
        return [w for fits in (self.fits, self.monolingual) for fit in fits.values() for w in fit.warnings]


@dataclass(frozen=True)
class Gain:
    """What the mean score gains over another allocation, with its 90 % interval where the laws were fitted."""

    over: str
    rows: dict[str, float]
    points: float
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Plan:
    """An allocation with what it was computed from."""

    laws: Laws
    budget: int
    allocation: Allocation
    score: float
    gains: tuple[Gain, ...]


def fitted_laws(path: Path) -> Laws:
    """Laws fitted to the observations of a file. Raises `UserError`."""
    points: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for seen in read_observations(path):
        points.setdefault((seen.data, seen.language), []).append((seen.rows, seen.score))
    fits: dict[str, dict[str, Fit]] = {PARALLEL: {}, MONOLINGUAL: {}}
    problems: list[str] = []
    for (data, language), found in points.items():
        name = f"{path}, {language}" if data == PARALLEL else f"{path}, {language} ({data})"
        try:
            rows, scores = [rows for rows, _ in found], [score for _, score in found]
            fits[data][language] = fit(name, rows, scores, _seed_of(data, language))
        except UserError as error:
            problems += error.problems
    if not fits[PARALLEL] and not problems:
        problems.append(f"{path}: holds no observations with parallel data, which is what is allocated")
    if problems:
        raise UserError(*problems)
    languages = {name: Language(found.law) for name, found in fits[PARALLEL].items()}
    origin = {"observations": {"path": path.name, "sha256": sha256_of(path)}}
    return Laws(languages, fits[PARALLEL], fits[MONOLINGUAL], origin)


def _seed_of(data: str, language: str) -> int:
    """A seed of each fit's own: with the same draws the errors of all languages would go up and down together."""
    return int.from_bytes(hashlib.sha256(f"{data}\0{language}".encode()).digest()[:8], "big")


def given_laws(path: Path, declared: LawsFile) -> Laws:
    """The laws that a file declares."""
    languages = {
        name: Language(Law(law.alpha, law.beta, law.gamma), law.max)
        for name, law in declared.languages.items()
    }
    return Laws(languages, {}, {}, {"laws": {"path": path.name, "sha256": sha256_of(path)}})


def with_gammas(laws: Laws, path: Path, gammas: Mapping[str, float]) -> Laws:
    """Fitted laws written with the languages' gammas. Raises `UserError` for a value outside of (0, 1)."""
    bad = [
        f"{path}: gamma.{n}: expected a number between 0 and 1, found {g:g}"
        for n, g in gammas.items()
        if not 0 < g < 1
    ]
    if bad:
        raise UserError(*bad)
    return Laws(
        {
            name: Language(language.law.with_gamma(gammas.get(name)), language.maximum)
            for name, language in laws.languages.items()
        },
        {name: found.with_gamma(gammas.get(name)) for name, found in laws.fits.items()},
        laws.monolingual,
        laws.origin | {"gamma": {"path": path.name, "sha256": sha256_of(path)}},
    )


def available(path: Path) -> tuple[dict[str, int], dict[str, Any]]:
    """The training rows of each language in a parallel dataset (a folder with its manifest, or that file itself).

    Returns them with what the plan says of their origin. Raises `UserError`.
    """
    file = path / "manifest.json" if path.is_dir() else path
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
        outputs = [(str(one["path"]), int(one["rows"])) for one in manifest["outputs"]]
        origin = {"content_sha256": str(manifest["content_sha256"])}
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{file}: is no manifest of a parallel dataset") from None
    rows: dict[str, int] = {}
    for name, number in outputs:
        parts = name.removeprefix("parallel/").split("/")
        if len(parts) == 2 and parts[0].startswith("en-") and parts[1].startswith("train-"):
            language = parts[0].removeprefix("en-")
            rows[language] = rows.get(language, 0) + number
    if not rows:
        raise UserError(f"{file}: names no training rows of a pair with English; expected a parallel dataset")
    return rows, {"manifest": origin}


def constrained(
    laws: Laws, available: Mapping[str, int] | None, weights: Mapping[str, float], floors: Mapping[str, int]
) -> Laws:
    """The laws with rows available, weights and floors. Raises `UserError` for languages without a law, or rows."""
    known = list(laws.languages)
    problems = [
        f"{option} {name}: no law of that language{did_you_mean(name, known)}; there are {', '.join(known)}"
        for option, given in (("--weight", weights), ("--floor", floors))
        for name in given
        if name not in laws.languages
    ]
    if available is not None:
        problems += [
            f"--manifest: the dataset has no pair en-{name}; it has {', '.join(f'en-{n}' for n in available)}"
            for name in known
            if name not in available
        ]
    if problems:
        raise UserError(*problems)
    return Laws(
        {
            name: Language(
                language.law,
                available[name] if available is not None else language.maximum,
                weights.get(name, 1.0),
                floors.get(name, 0),
            )
            for name, language in laws.languages.items()
        },
        laws.fits,
        laws.monolingual,
        laws.origin,
    )


def plan(laws: Laws, budget: int) -> Plan:
    """The best allocation of `budget` rows, beside the uniform and the proportional one. Raises `UserError`."""
    languages = laws.languages
    found = allocate(languages, budget)
    curves = {name: language.law for name, language in languages.items()}
    weights = {name: language.weight for name, language in languages.items()}
    score = mean_score(curves, found.rows, weights)
    replicates = _replicates(laws.fits)
    baselines = {"uniform": uniform(languages, budget), "proportional": proportional(languages, budget)}
    gained = tuple(
        Gain(
            name,
            rows,
            score - mean_score(curves, rows, weights),
            gains(replicates, found.rows, rows, weights),
        )
        for name, rows in baselines.items()
        if rows is not None
    )
    return Plan(laws, budget, found, score, gained)


def _replicates(fits: Mapping[str, Fit]) -> list[dict[str, Law]]:
    """The laws of all languages, replicate by replicate; none if one language has none."""
    if not fits or not all(found.replicates for found in fits.values()):
        return []
    number = min(len(found.replicates) for found in fits.values())
    return [{name: found.replicates[k] for name, found in fits.items()} for k in range(number)]


def write_plan(path: Path, made: Plan) -> None:
    """Writes an allocation and what it was computed from, as `build_instructions` takes it."""
    content = {
        "allocation": made.allocation.rows,
        "budget": made.budget,
        "multiplier": made.allocation.multiplier,
        "score": round(made.score, 4),
        "capped": list(made.allocation.capped),
        "computed_from": {
            "polyinstruct": __version__,
            **made.laws.origin,
            "languages": {
                name: {
                    "alpha": language.law.alpha,
                    "beta": language.law.beta,
                    **({} if language.law.gamma is None else {"gamma": language.law.gamma}),
                    **({} if language.maximum is None else {"max": language.maximum}),
                    **({} if language.weight == 1 else {"weight": language.weight}),
                    **({} if language.floor == 0 else {"floor": language.floor}),
                }
                for name, language in made.laws.languages.items()
            },
            **({"warnings": made.laws.warnings} if made.laws.warnings else {}),
        },
    }
    with replacing(path) as temporary:
        temporary.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
