"""Spark's Python daemon, made ready for the workers that are forked from it.

Spark puts its core jar and zip archives on the workers' `sys.path`, and each task makes Python 3.11 read their
directories of thousands of entries again (`importlib.invalidate_caches`): 0.2 s a task, more than most tasks of a small
run take. Where pyspark is installed as a package, as in our environment, nothing is imported from them.

What every worker needs is imported once, before it is forked: a second that each would take for itself.
"""

import sys

sys.path[:] = [entry for entry in sys.path if not entry.endswith((".jar", ".zip"))]
sys.path_importer_cache.clear()

import pandas  # noqa: E402, F401 - pyarrow loads it with its first array
from pyspark import daemon  # noqa: E402 - the path must be clean before

import pipelines.scoring  # noqa: E402, F401

if __name__ == "__main__":
    daemon.manager()  # type: ignore[no-untyped-call]
