"""How fast the translation engine is, beside bare CTranslate2 and beside transformers, and how much memory each takes.

    python benchmarks/translate.py                                    # NLLB-600M's shape: 8 GiB on two cores
    python benchmarks/translate.py --models DIR --prepare             # makes the models, and measures nothing
    python benchmarks/translate.py --models DIR --against transformers
    python benchmarks/translate.py --shape small

The model has random weights: the cost of a token does not depend on their values, but the outputs mean nothing. They
never end, so that every translation has as many tokens as it may have. Each measurement is a process of its own, which
loads the model before the clock starts; its memory is the most that the process and its children held together. All of
one table run one after the other, several rounds; the best round counts. Tokens a second depend on what else the
machine does; tokens a second of CPU time hardly do. The job's own figure is that of its Spark worker by the clock, with
tokenisation and writes to the translation memory, without loading; its CPU time and memory are those of driver and
worker, Python and Java, with Spark's planning and joins.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

SHAPES = {  # width, layers of each side, feed-forward width, heads, vocabulary, vocabulary when trimmed
    "nllb-600M": (1024, 12, 4096, 16, 256_206, 32_000),
    "small": (256, 4, 1024, 8, 64_000, 8_000),
}
RATIOS = (
    ("engine", "bare CTranslate2"),
    ("Spark worker", "bare CTranslate2"),
    ("engine, trimmed", "bare CTranslate2, trimmed"),
    ("Spark worker, trimmed", "bare CTranslate2, trimmed"),
    ("engine", "transformers fp32"),
    ("engine, trimmed", "transformers fp32"),
    ("engine, trimmed", "engine"),
    ("engine, trimmed", "2 processes, trimmed"),
)
TOKENS = 25  # of each translation
TARGET = "el"
_LOOK_EVERY_S = 0.5


@dataclass(frozen=True)
class Setting:
    """What all measurements share."""

    folder: Path
    texts: list[str]
    beam_size: int
    budget: int
    threads: int


@dataclass(frozen=True)
class Speed:
    """Target tokens, by the clock's seconds and by the CPU's (of all threads)."""

    per_second: float = 0.0
    per_cpu_second: float = 0.0
    gib: float = 0.0

    def better(self, other: Speed) -> Speed:
        return Speed(
            max(self.per_second, other.per_second),
            max(self.per_cpu_second, other.per_cpu_second),
            max(self.gib, other.gib),
        )

    def __str__(self) -> str:
        return f"{self.per_second:8.1f} tokens/s {self.per_cpu_second:8.1f} tokens/CPU s {self.gib:6.2f} GiB"


class Clock:
    """Seconds, and seconds of CPU time, since it was made."""

    def __init__(self) -> None:
        self._started = time.perf_counter(), time.process_time()

    def speed(self, tokens: int) -> Speed:
        seconds, cpu = time.perf_counter() - self._started[0], time.process_time() - self._started[1]
        return Speed(tokens / seconds, tokens / cpu)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shape", choices=SHAPES, default="nllb-600M")
    parser.add_argument("--sentences", type=int, default=64)
    parser.add_argument("--peer-sentences", type=int, default=16, help="for transformers, which is slow")
    parser.add_argument("--beam", type=int, default=4)
    parser.add_argument(
        "--budget", type=int, default=1024, help="tokens in a batch, for engine and bare alike"
    )
    parser.add_argument("--threads", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument(
        "--models", type=Path, help="folder for the models, which are made once (default: none)"
    )
    parser.add_argument("--prepare", action="store_true", help="make the models, and measure nothing")
    parser.add_argument("--against", choices=["bare", "transformers"], help="default: both")
    arguments = parser.parse_args()
    texts = sample_texts(arguments.sentences)
    with tempfile.TemporaryDirectory(prefix="polyinstruct-bench-") as name:
        folder = arguments.models or Path(name)
        for step, made in ((make_model, folder / "model"), (make_engines, folder / "trimmed")):
            if not made.exists():
                started = time.monotonic()
                apart(step, folder, arguments.shape)
                print(f"{step.__name__}: {time.monotonic() - started:.0f} s", flush=True)
        if arguments.prepare:
            return 0
        setting = Setting(folder, texts, arguments.beam, arguments.budget, arguments.threads)
        few = replace(setting, texts=texts[: arguments.peer_sentences])
        rows: dict[str, tuple[Callable[..., Speed], tuple[Any, ...]]] = {
            "engine": (engine, (setting, "whole")),
            "engine, trimmed": (engine, (setting, "trimmed")),
        }
        if arguments.against != "transformers":
            rows |= {
                "bare CTranslate2": (bare, (setting, "whole")),
                "Spark worker": (spark_job, (setting, "whole")),
                "bare CTranslate2, trimmed": (bare, (setting, "trimmed")),
                "Spark worker, trimmed": (spark_job, (setting, "trimmed")),
                "2 processes, trimmed": (two_processes, (setting, "trimmed")),
            }
        if arguments.against != "bare":
            rows |= {"transformers fp32": (transformers_generate, (few,))}
        best: dict[str, Speed] = {}
        for _ in range(arguments.rounds):
            for label, (function, given) in rows.items():
                speed = apart(function, *given)
                best[label] = speed.better(best.get(label, speed))
                print(f"  {label:26} {speed}", flush=True)
        print(
            f"\n{arguments.shape}, beam {arguments.beam}, {len(texts)} sentences, {arguments.threads} threads"
        )
        for label, speed in best.items():
            print(f"{label:26} {speed}")
        for label, over in RATIOS:
            if label in best and over in best:
                ours, theirs = best[label], best[over]
                by_cpu = ours.per_cpu_second / theirs.per_cpu_second
                print(
                    f"{label} / {over}: {ours.per_second / theirs.per_second:.2f} (by CPU time {by_cpu:.2f})"
                )
    return 0


def apart(function: Callable[..., Speed], *given: Any) -> Speed:
    """Calls `function` in a fresh process: its speed, and the peak memory of that process and its children."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_call, args=(theirs, function, given))
    process.start()
    theirs.close()
    peak = 0
    try:
        while not ours.poll(_LOOK_EVERY_S):
            peak = max(peak, _memory(process.pid))
        result: Speed = ours.recv()
    except EOFError:
        sys.exit(f"{function.__name__} failed")
    finally:
        process.join()
    return replace(result, gib=max(result.gib, peak / 2**30))


def _memory(pid: int | None) -> int:
    """Bytes that a process and all below it hold; what they share counts once."""
    total = 0
    try:
        for process in (parent := psutil.Process(pid), *parent.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += process.memory_full_info().pss
    except psutil.NoSuchProcess:
        pass
    return total


def _call(pipe: Any, function: Callable[..., Speed], given: tuple[Any, ...]) -> None:
    speed = function(*given)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # exact, for this process alone
    pipe.send(replace(speed, gib=peak))


def sample_texts(count: int) -> list[str]:
    """English sentences of the samples, in a fixed mixture."""
    texts = [
        json.loads(line)["en"]
        for path in sorted((ROOT / "samples" / "text").glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").split("\n")
        if line
    ]
    step = max(1, len(texts) // count)
    return (texts[::step] * (count // len(texts) + 1))[:count]


def make_model(folder: Path, shape: str) -> Speed:
    """Writes a model of random weights in NLLB's layout."""
    import sentencepiece
    import torch
    from transformers import M2M100Config, M2M100ForConditionalGeneration

    width, layers, wide, heads, vocabulary, _ = SHAPES[shape]
    model = folder / "making"
    model.mkdir(parents=True)
    written = BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sample_texts(288)), model_writer=written, vocab_size=1500, minloglevel=2
    )
    (model / "sentencepiece.bpe.model").write_bytes(written.getvalue())
    torch.manual_seed(0)
    sides = {f"{side}_{key}": value for side in ("encoder", "decoder") for key, value in
             (("layers", layers), ("ffn_dim", wide), ("attention_heads", heads))}  # fmt: skip
    config = M2M100Config(
        vocab_size=vocabulary, d_model=width, scale_embedding=True, decoder_start_token_id=2, **sides
    )
    M2M100ForConditionalGeneration(config).save_pretrained(model)
    model.rename(folder / "model")
    return Speed()


def make_engines(folder: Path, shape: str) -> Speed:
    """Prepares the untrimmed and the trimmed engine, int8."""
    from pipelines.prepare import build_engine, find_tags
    from pipelines.translation.preparing.source_model import read_source_model
    from pipelines.translation.preparing.trimming import Kept, keep_all
    from schemas.languages import LANGUAGES

    model = read_source_model(folder / "model")
    tags = find_tags(model, {code: LANGUAGES[code] for code in ("en", TARGET)})
    # the first rows are control tokens, pieces and tags; which of the others stay does not matter for the speed
    trimmed = Kept(tuple(range(SHAPES[shape][-1])), (), ())
    for name, kept in (("whole", keep_all(model)), ("trimmed", trimmed)):
        build_engine(model, kept, "int8", tags, folder / name)
    return Speed()


def load(setting: Setting, name: str, threads: int | None = None) -> Any:
    from pipelines.translation.engine import Engine
    from pipelines.translation.engine_files import open_directory

    return Engine(open_directory(setting.folder / name), config(setting, name, threads))


def config(setting: Setting, name: str, threads: int | None = None) -> Any:
    from schemas.translation_config import EngineConfig

    return EngineConfig(
        path=setting.folder / name, token_budget=setting.budget, threads=threads or setting.threads
    )


def decoding(setting: Setting) -> Any:
    from schemas.translation_config import Decoding

    return Decoding(beam_size=setting.beam_size, max_decoding_length=TOKENS)


def bare(setting: Setting, name: str) -> Speed:
    """The same batches as the engine's, sorted and tokenised beforehand, straight into CTranslate2."""
    from pipelines.translation.batches import cut

    loaded = load(setting, name)
    sources = [["eng_Latn", *pieces.tokens, "</s>"] for pieces in loaded._tokens.encode(setting.texts)]
    batches = list(cut(sources, [len(source) for source in sources], setting.budget))
    options = {
        "beam_size": setting.beam_size,
        "max_decoding_length": TOKENS + 1,
        "max_input_length": 0,
        "patience": decoding(setting).patience,
    }
    translate = loaded._translator.translate_batch
    translate([["eng_Latn", "</s>"]], [["ell_Grek"]], **options)
    clock = Clock()
    futures = [
        future
        for batch in batches
        for future in translate(batch, [["ell_Grek"]] * len(batch), asynchronous=True, **options)
    ]
    tokens = sum(len(future.result().hypotheses[0]) - 1 for future in futures)
    return clock.speed(tokens)


def engine(setting: Setting, name: str, threads: int | None = None) -> Speed:
    """Texts in, translations out."""
    loaded = load(setting, name, threads)
    loaded.translate(["."], "en", TARGET, decoding(setting))
    clock = Clock()
    done = loaded.translate(setting.texts, "en", TARGET, decoding(setting))
    return clock.speed(sum(t.target_tokens for t in done))


def two_processes(setting: Setting, name: str) -> Speed:
    """Two engines of half the threads, each with half of the texts: what a worker for each core would give."""
    context = multiprocessing.get_context("spawn")
    halves = [
        Setting(setting.folder, setting.texts[n::2], setting.beam_size, setting.budget, setting.threads)
        for n in (0, 1)
    ]
    with context.Pool(2) as pool:
        speeds = pool.starmap(engine, [(half, name, max(1, setting.threads // 2)) for half in halves])
    # the two add up by the clock, and not by the time that they take of the CPU
    return Speed(sum(speed.per_second for speed in speeds), sum(s.per_cpu_second for s in speeds) / 2)


def spark_job(setting: Setting, name: str) -> Speed:
    """Through Spark, into a new translation memory; the speed of the worker that holds the engine."""
    from pipelines.session import get_session
    from pipelines.translation.engine_files import open_directory
    from pipelines.translation.memory import open_memory
    from pipelines.translation.translate_missing import translate_missing
    from schemas.translation_memory import SEGMENTS

    spark = get_session("benchmark", {"spark.master": f"local[{setting.threads}]"})
    segments = spark.createDataFrame([("en", TARGET, text) for text in set(setting.texts)], SEGMENTS.ddl())
    manifest = open_directory(setting.folder / name).manifest
    with (
        tempfile.TemporaryDirectory(dir=setting.folder) as root,
        open_memory(Path(root), manifest, decoding(setting)) as memory,
    ):
        one = spark.createDataFrame([("en", TARGET, ".")], SEGMENTS.ddl())
        for texts in (one, segments):  # the first loads the model; Spark uses the worker again
            cpu = _cpu_seconds()
            work = translate_missing(spark, memory, texts, config(setting, name), decoding(setting))
        cpu = _cpu_seconds() - cpu
    spark.stop()
    return Speed(work.target_tokens / work.seconds, work.target_tokens / cpu)


def _cpu_seconds() -> float:
    """CPU time of this process and all below it."""
    total = 0.0
    for process in (parent := psutil.Process(), *parent.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def transformers_generate(setting: Setting) -> Speed:
    """`generate` in batches of 16, sorted by length, on the same tokens."""
    import torch
    from transformers import AutoModelForSeq2SeqLM

    from pipelines.translation.engine_files import read_vocabulary

    torch.set_num_threads(setting.threads)
    ids = {token: id_ for id_, token in enumerate(read_vocabulary(setting.folder / "whole"))}
    tokens = _tokens(setting.folder / "whole", setting.texts)
    sources = sorted([[ids["eng_Latn"], *(ids[t] for t in row), ids["</s>"]] for row in tokens], key=len)
    model = AutoModelForSeq2SeqLM.from_pretrained(setting.folder / "model").eval()
    generated, clock = 0, Clock()
    for start in range(0, len(sources), 16):
        rows = [torch.tensor(source) for source in sources[start : start + 16]]
        inputs = torch.nn.utils.rnn.pad_sequence(rows, True, 1)
        with torch.inference_mode():
            found = model.generate(
                input_ids=inputs,
                attention_mask=(inputs != 1).long(),
                num_beams=setting.beam_size,
                forced_bos_token_id=ids["ell_Grek"],
                min_new_tokens=TOKENS + 1,
                max_new_tokens=TOKENS + 1,
            )
        generated += found.shape[0] * TOKENS
    return clock.speed(generated)


def _tokens(path: Path, texts: Sequence[str]) -> list[list[str]]:
    from pipelines.translation.engine_files import open_directory, read_vocabulary
    from pipelines.translation.tokens import TextTokens

    found = open_directory(path)
    tokens = TextTokens(found.source_spm, found.target_spm, read_vocabulary(path), found.manifest)
    return [pieces.tokens for pieces in tokens.encode(texts)]


if __name__ == "__main__":
    sys.exit(main())
