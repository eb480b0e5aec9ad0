"""The one place where a Spark session is made."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

from pyspark import SparkConf, SparkContext
from pyspark.sql import SparkSession

from pipelines.errors import INTERRUPTED, UserError

# what results depend on
_ALWAYS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}

_UNLESS_GIVEN = {
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "8192",
    "spark.ui.showConsoleProgress": "false",
    # HotSpot compiles no method of more than 8,000 bytes of bytecode: better many small ones than one interpreted
    "spark.sql.codegen.hugeMethodLimit": "8000",
}

FEW_ROWS = 200_000

_LOCAL = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "2g",
    "spark.sql.shuffle.partitions": "16",
    "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
    "spark.sql.adaptive.advisoryPartitionSizeInBytes": "16m",
    "spark.sql.autoBroadcastJoinThreshold": "16m",
    "spark.python.daemon.module": "pipelines.worker_daemon",
}


def get_session(name: str, settings: Mapping[str, str] | None = None) -> SparkSession:
    """The Spark session of a job.

    Sets what the pipelines rely on (UTC, ANSI, Arrow) and makes the Python workers run in this interpreter. Started by
    `spark-submit`, the master and every other setting given there stand, and a cluster is not tuned;
    started as `python jobs/NAME.py` it runs on `local[*]`. On one machine, Spark is tuned for it, so that small inputs
    do not pay for 200 partitions. `settings` (from the configuration) win over all of these.

    Raises `UserError` if there is no Java of version 17 or later.
    """
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    submitted = "PYSPARK_GATEWAY_PORT" in os.environ
    if submitted:
        SparkContext._ensure_initialized()  # so that SparkConf sees what spark-submit was given
    given = SparkConf()
    if not submitted:
        given.setMaster("local[*]")
    given.setAppName(name)
    for key, value in _ALWAYS.items():
        given.set(key, value)
    for key, value in _UNLESS_GIVEN.items():
        given.setIfMissing(key, value)
    if not submitted:
        _check_java()
    if (given.get("spark.master") or "local").startswith("local"):
        for key, value in _LOCAL.items():
            given.setIfMissing(key, value)
    for key, value in (settings or {}).items():
        given.set(key, value)
    session = SparkSession.builder.config(conf=given).getOrCreate()
    # on one machine all that goes wrong comes to the driver as an exception
    local = str(session.sparkContext.master).startswith("local")
    session.sparkContext.setLogLevel("FATAL" if local else "ERROR")
    return session


def job_session(name: str, settings: Mapping[str, str]) -> SparkSession:
    """The Spark session of a job that a person may interrupt: it ends at once then.

    pyspark's own handler asks the JVM to cancel its jobs. Under spark-submit the JVM gets the same signal and is gone;
    started by Python it ends with this process.
    """
    session = get_session(name, settings)
    signal.signal(signal.SIGINT, _exit_interrupted)
    return session


def _exit_interrupted(*_: object) -> NoReturn:
    # the terminal's cursor, which a progress bar hides, comes back; no print, for one may just be under way
    cursor = "\x1b[?25h\n" if sys.stderr.isatty() else ""
    os.write(2, f"{cursor}{INTERRUPTED}\n".encode())
    os._exit(130)


def tune_for(session: SparkSession, rows: int, settings: Mapping[str, str]) -> None:
    """Fits the shuffles of a session on one machine to the rows at hand; leaves a cluster's alone, and `settings`.

    For few rows, planning again after each shuffle (adaptive execution) takes longer than the work itself.
    """
    if not str(session.sparkContext.master).startswith("local"):
        return
    few = {
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.shuffle.partitions": str(session.sparkContext.defaultParallelism),
    }
    many = {key: {**_UNLESS_GIVEN, **_LOCAL}[key] for key in few}
    for key, value in (few if rows <= FEW_ROWS else many).items():
        if key not in settings:
            session.conf.set(key, value)


def java_version(session: SparkSession) -> str:
    """The version of the Java that Spark runs on."""
    jvm: Any = session.sparkContext._jvm
    return str(jvm.java.lang.System.getProperty("java.version"))


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME")
    java = os.path.join(home, "bin", "java") if home else shutil.which("java")
    advice = "install it (Debian, Ubuntu: apt-get install openjdk-17-jre-headless) or set JAVA_HOME"
    if not java or not os.path.exists(java):
        raise UserError(f"Spark needs Java 17 or later, and there is no java here: {advice}")
    modules = subprocess.run([java, "--list-modules"], capture_output=True, text=True, check=False)
    first = next((line for line in modules.stdout.splitlines() if line.startswith("java.base@")), "")
    version = first.removeprefix("java.base@").split(".")[0]
    if not version.isdigit() or int(version) < 17:
        raise UserError(f"Spark needs Java 17 or later, but {java} is {version or 'older'}: {advice}")
    if "jdk.incubator.vector" not in modules.stdout:
        raise UserError(
            f"Spark needs a JDK with the module jdk.incubator.vector, which {java} lacks: {advice}"
        )
