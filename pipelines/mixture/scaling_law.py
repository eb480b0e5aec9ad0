"""The scaling law of translation quality: S(X) = 100 - alpha * (gamma * X) ** beta (arXiv 2308.04948, equation 2).

X are the rows of parallel data of a language (or of monolingual data: Figure 7 of the paper), S is a score of 0 to 100
(COMET there), alpha > 0, -1 < beta < 0, and gamma in (0, 1) is the language's similarity to English.

gamma cannot be found from scores: only A = alpha * gamma ** beta matters, so that any gamma gives the same curve, and
the same allocation, with another alpha. It is taken as given, and kept so that laws of different languages can be
compared.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from pipelines.errors import UserError

Floats = npt.NDArray[np.float64]

_FEW = 4  # points: with fewer, the two parameters leave next to nothing to tell the error by
_REPLICATES = 200
_EDGE = 1e-4  # how near to its bounds beta may come before the fit says that it stands there
_BAD_ERROR = 1.0  # score points, root mean square: COMET's differences between models that people notice
_BAD_SHARE = 0.8  # of the variance explained


@dataclass(frozen=True)
class Law:
    """The law of one language. Without `gamma`, alpha is A."""

    alpha: float
    beta: float
    gamma: float | None = None

    @property
    def scale(self) -> float:
        """A of S(X) = 100 - A * X ** beta."""
        return self.alpha * (1.0 if self.gamma is None else self.gamma**self.beta)

    def score(self, rows: Any) -> Any:
        """S(X), of a number or an array of rows > 0."""
        return 100.0 - self.scale * np.asarray(rows, dtype=float) ** self.beta

    def with_gamma(self, gamma: float | None) -> Law:
        """The same curve, written with another gamma."""
        factor = 1.0 if gamma is None else gamma**-self.beta
        return Law(self.scale * factor, self.beta, gamma)


@dataclass(frozen=True)
class Fit:
    """A fitted law: its points, its residuals (score - law), laws of the bootstrap's replicates, and warnings."""

    law: Law
    rows: tuple[float, ...]
    scores: tuple[float, ...]
    residuals: tuple[float, ...]
    replicates: tuple[Law, ...]
    warnings: tuple[str, ...]

    @property
    def error(self) -> float:
        """By how many points the law misses the scores (root mean square)."""
        return math.sqrt(sum(residual**2 for residual in self.residuals) / len(self.residuals))

    def band(self, rows: Floats, level: float = 0.9) -> tuple[Floats, Floats] | None:
        """The law's confidence band at `rows`; None if there were too few points for one."""
        if not self.replicates:
            return None
        curves = np.array([law.score(rows) for law in self.replicates])
        low, high = np.quantile(curves, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return low, high

    def with_gamma(self, gamma: float | None) -> Fit:
        return replace(
            self,
            law=self.law.with_gamma(gamma),
            replicates=tuple(law.with_gamma(gamma) for law in self.replicates),
        )


def fit(name: str, rows: Sequence[float], scores: Sequence[float], seed: int = 0) -> Fit:
    """Fits a law to observed points by least squares of the scores, outliers counting less (soft L1).

    The start is the straight line of log(100 - S) over log X. The band comes from a bootstrap over residuals, which are
    inflated for the two parameters that were fitted. `name` is what the points are of. Raises `UserError` for points
    that no law can be fitted to: fewer than two different X, X < 1, scores outside of [0, 100) or not finite.
    """
    x, s = np.asarray(rows, dtype=float), np.asarray(scores, dtype=float)
    problems = [
        f"{name}: {row:g} rows with a score of {score:g}; expected at least one row, and a score from 0 to below 100"
        for row, score in zip(x, s, strict=True)
        if not (math.isfinite(row) and row >= 1 and math.isfinite(score) and 0 <= score < 100)
    ]
    if not problems and len(np.unique(x)) < 2:
        problems.append(
            f"{name}: {len(x)} observation{'s' if len(x) != 1 else ''}, all of the same number of rows; "
            "expected scores of two or more numbers of rows (four or more tell the error too)"
        )
    if problems:
        raise UserError(*problems)
    order = np.argsort(x, kind="stable")
    x, s = x[order], s[order]
    law = _fitted(x, s)
    residuals = s - law.score(x)
    return Fit(
        law,
        tuple(x.tolist()),
        tuple(s.tolist()),
        tuple(residuals.tolist()),
        _bootstrap(law, x, residuals, seed),
        tuple(_warnings(name, law, s, residuals)),
    )


def _fitted(x: Floats, s: Floats) -> Law:
    """Robust least squares over (log of 100 - S at the middle of the points, beta)."""
    logs = np.log(x)
    middle = logs.mean()
    slope, height = np.polyfit(logs - middle, np.log(100.0 - s), 1)
    lowest, highest = -1 + 1e-6, -1e-6
    start = np.array([height, np.clip(slope, lowest + 1e-6, highest - 1e-6)])

    def off(parameters: Floats) -> Floats:
        height, beta = parameters
        return np.asarray(100.0 - np.exp(height + beta * (logs - middle)) - s)

    def slopes(parameters: Floats) -> Floats:
        height, beta = parameters
        curve = -np.exp(height + beta * (logs - middle))
        return np.column_stack([curve, curve * (logs - middle)])

    spread = 1.4826 * float(np.median(np.abs(off(start))))  # a standard deviation, if the errors are normal
    found = least_squares(
        off,
        start,
        jac=slopes,
        bounds=([-50.0, lowest], [50.0, highest]),
        loss="soft_l1",
        f_scale=max(spread, 0.05),
        xtol=1e-10,
        ftol=1e-10,
        gtol=1e-10,
    )
    height, beta = (float(value) for value in found.x)
    return Law(math.exp(height - beta * middle), beta)


def _bootstrap(law: Law, x: Floats, residuals: Floats, seed: int) -> tuple[Law, ...]:
    if len(x) <= 2:
        return ()
    inflated = (residuals - residuals.mean()) * math.sqrt(len(x) / (len(x) - 2))
    random = np.random.default_rng(seed)
    curve = law.score(x)
    draws = random.choice(inflated, size=(_REPLICATES, len(x)))
    return tuple(_fitted(x, np.minimum(curve + draw, 100.0 - 1e-6)) for draw in draws)


def _warnings(name: str, law: Law, s: Floats, residuals: Floats) -> list[str]:
    found = []
    error = float(np.sqrt(np.mean(residuals**2)))
    if len(s) < _FEW:
        found.append(
            f"{name}: {len(s)} observations are too few to tell how sure the law is; {_FEW} or more would"
        )
    if law.beta > -_EDGE or law.beta < -1 + _EDGE:
        found.append(
            f"{name}: beta came to the end of its range ({law.beta:.4g}): the scores follow no such law"
        )
    spread = float(np.sqrt(np.mean((s - s.mean()) ** 2)))
    explained = 1 - (error / spread) ** 2 if spread else 0.0
    if error > _BAD_ERROR or explained < _BAD_SHARE:
        found.append(
            f"{name}: the law fits badly: it misses the scores by {error:.2f} points (root mean square) and explains "
            f"{100 * max(explained, 0):.0f} % of their variance"
        )
    return found
