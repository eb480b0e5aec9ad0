"""The translation engine: texts in, translations with their scores out.

CTranslate2 runs the model, sentencepiece makes the tokens, the family of the model says where language tags stand. An
`Engine` holds a loaded model: it cannot be pickled, and must be made after a worker process was forked. `load_engine`
does so once for each process.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

import ctranslate2

from pipelines.errors import UserError
from pipelines.translation.batches import BudgetTrial, cut
from pipelines.translation.engine_files import EngineDirectory, read_manifest, read_vocabulary
from pipelines.translation.families import AROUND
from pipelines.translation.tokens import Pieces, TextTokens
from schemas.translation_config import Decoding, EngineConfig

_WINDOW = 4096  # texts that are sorted by length together
_DECIMALS = 2  # of a score: its seventh digit depends on what else was in the batch
_TRIAL_BATCHES = 2  # of each thread, with each budget that is tried


class Request(NamedTuple):
    """A text to translate; `key` is the caller's."""

    key: str
    src: str
    tgt: str
    text: str


@dataclass(frozen=True, slots=True)
class Translation:
    """What came of a text.

    `score` is the mean log-probability of the target tokens, the end token included, at most 0, to two decimals. Counts
    are of text tokens, tags and end tokens apart; the unknown ones of the target include stray control tokens. A source
    of more than `max_input_length` tokens, or than the model has positions for, is not translated (`source_truncated`,
    the text is empty): half a translation is none. `target_truncated`: `max_decoding_length` cut it, or the positions'
    end.
    """

    text: str
    score: float
    source_tokens: int
    target_tokens: int
    source_unknown: int
    target_unknown: int
    source_truncated: bool
    target_truncated: bool


class Prepared(NamedTuple):
    """A request with its tokens, ready to be put into a batch."""

    request: Request
    pieces: Pieces
    source: list[str]


Done = list[tuple[Request, Translation]]


# what CTranslate2 raises: no such file, a file that breaks off, no memory, a type that the device does not compute with
_FAILURES = (RuntimeError, ValueError, MemoryError)
_NO_MEMORY = "out of memory"


class Engine:
    """A loaded model. `directory` has been checked by `open_directory` (on the driver, once).

    Making one and translating raise `UserError` where CTranslate2 cannot load or run the model.
    """

    def __init__(self, directory: EngineDirectory, config: EngineConfig) -> None:
        self.directory = directory
        self.manifest = directory.manifest
        cuda = ctranslate2.get_cuda_device_count() if config.device != "cpu" else 0
        if config.device == "cuda" and not cuda:
            raise UserError(
                "engine.device: is cuda, but CTranslate2 finds no GPU here; set it to cpu or auto"
            )
        gpus = min(cuda, config.threads or cuda)
        self.threads = gpus or config.threads or len(os.sched_getaffinity(0))
        try:
            self._translator = ctranslate2.Translator(
                str(directory.path),
                device="cuda" if gpus else "cpu",
                device_index=list(range(gpus)) or 0,
                # on a CPU what the model was quantised to; a GPU multiplies int8 with float16 in between, or float16
                compute_type="auto" if gpus else "default",
                inter_threads=1 if gpus else self.threads,
                intra_threads=1,
                max_queued_batches=self.threads,
            )
        except _FAILURES as error:
            raise UserError(self._failed("cannot load it", error)) from None
        vocabulary = read_vocabulary(directory.path)
        self._tokens = TextTokens(directory.source_spm, directory.target_spm, vocabulary, self.manifest)
        self._trial = (
            BudgetTrial() if config.token_budget is None else BudgetTrial(config.token_budget, found=True)
        )

    @property
    def token_budget(self) -> int:
        """The budget of a batch, in source tokens with padding, that is in use now."""
        return self._trial.budget

    @property
    def signature(self) -> str:
        """What ran the model: library, device and type of computation."""
        made_by = self._translator
        return f"ctranslate2 {ctranslate2.__version__} {made_by.device} {made_by.compute_type}"

    def translate(self, texts: Sequence[str], src: str, tgt: str, decoding: Decoding) -> list[Translation]:
        """Translates texts, in their order. Raises `UserError` if the engine does not translate `src` into `tgt`."""
        requests = (Request(str(index), src, tgt, text) for index, text in enumerate(texts))
        done = dict(pair for batch in self.stream(requests, decoding) for pair in batch)
        by_index = {int(request.key): translation for request, translation in done.items()}
        return [by_index[index] for index in range(len(texts))]

    def stream(self, requests: Iterable[Request], decoding: Decoding) -> Iterator[Done]:
        """Translates requests as they come, and yields batch by batch what is done, in any order.

        However many requests there are, it holds a window of a few thousand texts, and `2 * threads + 1` batches in
        flight at most.
        """
        flight: deque[_Batch] = deque()
        requests = iter(requests)
        while window := list(islice(requests, _WINDOW)):
            done, waiting = self._prepare(window, decoding)
            if done:
                yield done
            while waiting and not self._trial.found:
                while flight:
                    yield self._collect(flight.popleft())
                yield from self._try_budget(waiting, decoding)
            for batch in cut(waiting, [len(item.source) for item in waiting], self._trial.budget):
                flight.append(self._submit(batch, decoding))
                if len(flight) > 2 * self.threads:
                    yield self._collect(flight.popleft())
        while flight:
            yield self._collect(flight.popleft())

    def _limit(self, wanted: int) -> int:
        """`wanted` tokens, or what the model has positions for (the start token and a tag take two)."""
        most = self.manifest.max_positions
        return wanted if most is None else min(wanted, most - 2)

    def _prepare(self, window: list[Request], decoding: Decoding) -> tuple[Done, list[Prepared]]:
        """Parts what needs no translation, or cannot have one, from what is to be translated."""
        self.directory.require({(request.src, request.tgt) for request in window})
        done: Done = []
        waiting: list[Prepared] = []
        encoded = self._tokens.encode([request.text for request in window])
        for request, pieces in zip(window, encoded, strict=True):
            if not request.text.strip():
                pieces = Pieces([], 0)
            too_long = len(pieces.tokens) + AROUND > self._limit(decoding.max_input_length)
            if too_long or not pieces.tokens:
                count, unknown = len(pieces.tokens), pieces.unknown
                done.append((request, Translation("", 0.0, count, 0, unknown, 0, too_long, False)))
                continue
            source = self.directory.family.source(
                pieces.tokens,
                self.manifest.source_tags[request.src],
                self.manifest.target_tags[request.tgt],
            )
            waiting.append(Prepared(request, pieces, source))
        return done, waiting

    def _try_budget(self, waiting: list[Prepared], decoding: Decoding) -> Iterator[Done]:
        """Translates the first of `waiting`, and takes them off it, with the budget that is on trial."""
        tokens, taken = _TRIAL_BATCHES * self.threads * self._trial.budget, 0
        while taken < len(waiting) and tokens > 0:
            tokens -= len(waiting[taken].source)
            taken += 1
        mine = waiting[:taken]
        del waiting[:taken]
        started = time.perf_counter()
        batches = list(cut(mine, [len(item.source) for item in mine], self._trial.budget))
        flight = deque(self._submit(batch, decoding) for batch in batches)
        done = [self._collect(batch) for batch in flight]
        if tokens <= 0:  # else the window ended: too little to judge by
            worked = sum(t.source_tokens + t.target_tokens for batch in done for _, t in batch)
            self._trial.report(worked, time.perf_counter() - started)
        yield from done

    def _submit(self, items: list[Prepared], decoding: Decoding) -> _Batch:
        prefixes = [self.directory.family.prefix(self.manifest.target_tags[i.request.tgt]) for i in items]
        futures = self._translator.translate_batch(
            [item.source for item in items],
            prefixes,
            asynchronous=True,
            return_scores=True,
            return_end_token=True,
            beam_size=decoding.beam_size,
            patience=decoding.patience,
            length_penalty=decoding.length_penalty,
            no_repeat_ngram_size=decoding.no_repeat_ngram_size,
            max_input_length=0,  # longer ones were sorted out, with a word
            max_decoding_length=len(prefixes[0]) + self._limit(decoding.max_decoding_length),
        )
        return _Batch(items, prefixes, futures, decoding)

    def _collect(self, batch: _Batch) -> Done:
        """Waits for a batch. One that a GPU has no memory for is tried again in halves."""
        try:
            results = [future.result() for future in batch.futures]
        except _FAILURES as error:
            if not _no_memory(error) or len(batch.items) == 1:
                raise UserError(self._failed("failed while it translated", error)) from None
            middle = len(batch.items) // 2
            halves = (batch.items[:middle], batch.items[middle:])
            return [done for half in halves for done in self._collect(self._submit(half, batch.decoding))]
        return [
            (item.request, self._translation(item, len(prefix), result, batch.decoding))
            for item, prefix, result in zip(batch.items, batch.prefixes, results, strict=True)
        ]

    def _failed(self, what: str, error: Exception) -> str:
        said = " ".join(str(error).split()) or type(error).__name__
        advice = (
            "use fewer engine.threads, a lower engine.token_budget, a narrower decoding.beam_size or a smaller model"
            if _no_memory(error)
            else "if the device is right (engine.device), make the engine again with jobs/prepare_engine.py"
        )
        return f"engine {self.directory.path}: CTranslate2 {what} ({said}); {advice}"

    def _translation(self, item: Prepared, tags: int, result: Any, decoding: Decoding) -> Translation:
        tokens = result.hypotheses[0][tags:]
        ended = bool(tokens) and tokens[-1] == self.manifest.end_token
        text, unknown = self._tokens.decode(tokens[:-1] if ended else tokens)
        # CTranslate2 divides the sum of the log-probabilities by length ** length_penalty, with the tag in the length
        total = result.scores[0] * (tags + len(tokens)) ** decoding.length_penalty
        return Translation(
            text=text,
            score=round(min(0.0, total / max(1, len(tokens))), _DECIMALS),
            source_tokens=len(item.pieces.tokens),
            target_tokens=len(tokens) - ended,
            source_unknown=item.pieces.unknown,
            target_unknown=unknown,
            source_truncated=False,
            target_truncated=not ended,
        )


def _no_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or _NO_MEMORY in str(error)


class _Batch(NamedTuple):
    items: list[Prepared]
    prefixes: list[list[str]]
    futures: list[Any]
    decoding: Decoding


@lru_cache(maxsize=1)
def _loaded(config: EngineConfig, identity: str) -> Engine:
    return Engine(EngineDirectory(config.path, read_manifest(config.path)), config)


def load_engine(config: EngineConfig) -> Engine:
    """The engine of this process, loaded with the first call; another one only if its directory changed."""
    return _loaded(config, read_manifest(config.path).identity())
