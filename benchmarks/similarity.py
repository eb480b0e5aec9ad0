"""How fast the search for similar instructions is, beside rouge-score as self-instruct uses it.

    python benchmarks/similarity.py alpaca_data.json [--queries 1000] [--plain 20] [--threshold 0.7] [--seed 1]

Of the file's instructions, drawn by seed, `--queries` are looked up among all others: the index answers all of them,
comparing with each text by rouge-score (pip install rouge-score) the first `--plain`. Both answers must be the same.
Without rouge-score the plain way is rapidfuzz's longest common subsequence with each text, and is called so.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rapidfuzz.distance import LCSseq

from pipelines.self_instruct.similarity import SimilarityIndex, words
from pipelines.translation.records import Record, read_records


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, help="Alpaca JSON, JSONL or Parquet")
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--plain", type=int, default=20, help="queries that the plain way answers too")
    parser.add_argument("--threshold", type=float, default=0.7)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    texts = list(
        dict.fromkeys(
            record.instruction for record in read_records(arguments.file) if isinstance(record, Record)
        )
    )
    random.Random(arguments.seed).shuffle(texts)
    queries, known = texts[: arguments.queries], texts[arguments.queries :]
    started = time.perf_counter()
    index = SimilarityIndex(known)
    built = time.perf_counter() - started
    print(f"index of {len(known):,} instructions: {built:.2f} s")
    found = []
    for threshold in (arguments.threshold, 0.0):
        seconds = []
        answers = []
        for query in queries:
            started = time.perf_counter()
            answers.append(index.nearest(query, threshold))
            seconds.append(time.perf_counter() - started)
        found.append(answers)
        print(
            f"nearest at {threshold:g} or more: {statistics.fmean(seconds) * 1e3:.2f} ms a query "
            f"(p95 {statistics.quantiles(seconds, n=20)[-1] * 1e3:.2f} ms), {len(queries) / sum(seconds):,.0f} "
            f"queries/s; {sum(answer is not None for answer in answers):,} of {len(queries):,} have one"
        )
    name, score = plain_way()
    started = time.perf_counter()
    plain = [max(score(query, text) for text in known) for query in queries[: arguments.plain]]
    each = (time.perf_counter() - started) / arguments.plain
    print(f"{name}: {each:.2f} s a query")
    for place, best in enumerate(plain):
        near, any_near = found[0][place], found[1][place]
        assert abs((any_near.score if any_near else 0.0) - best) < 1e-9, (queries[place], best, any_near)
        assert (near is not None) == (best >= arguments.threshold and best > 0), (queries[place], best, near)
    print(f"the same answers to {len(plain):,} queries")


def plain_way() -> tuple[str, Callable[[str, str], float]]:
    """Name and ROUGE-L of two texts."""
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ImportError:
        return "rapidfuzz with each text (rouge-score is not installed)", _by_rapidfuzz
    scorer = RougeScorer(["rougeL"], use_stemmer=False)
    return "rouge-score with each text", lambda a, b: float(scorer.score(a, b)["rougeL"].fmeasure)


def _by_rapidfuzz(a: str, b: str) -> float:
    one, other = words(a), words(b)
    return 2 * LCSseq.similarity(one, other) / (len(one) + len(other)) if one and other else 0.0


if __name__ == "__main__":
    main()
