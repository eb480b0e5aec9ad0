"""What is measured of each example, batch by batch: tokens, overlap with evaluation sets, language and script."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame

from pipelines import lid
from pipelines.scripts import script_share
from pipelines.tokenizers import load_tokenizer
from schemas.languages import Language

_FIELDS = ("instruction", "input", "output")
_SCORES = (
    "tokens int, output_tokens int, byte_tokens int, contamination float, contaminated_by string, lid string, "
    "lid_prob float, lid_claimed float, script_share float"
)
_ARROW = {"int": pa.int32(), "float": pa.float32(), "string": pa.string()}

# share of each text's n-grams that stand in an evaluation set, and the set that has most of them
Overlap = Callable[[Sequence[str]], tuple[Any, list[str | None]]]


@dataclass(frozen=True)
class Scorer:
    """Measures examples. `tokenizer` is a file, or None; `overlap` gives the look-up on a worker, or is None."""

    languages: Mapping[str, Language]
    lid_model: str
    tokenizer: str | None
    overlap: Callable[[], Overlap] | None

    def score(self, examples: DataFrame) -> DataFrame:
        """The examples with the columns of `_SCORES`; null where nothing was measured."""
        names = [column.split(" ") for column in _SCORES.split(", ")]

        def batches(found: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in found:
                columns = self._measured(batch)
                added = [
                    pa.array(columns.get(name, [None] * batch.num_rows), _ARROW[kind]) for name, kind in names
                ]
                fields = [*batch.schema, *(pa.field(name, _ARROW[kind]) for name, kind in names)]
                yield pa.RecordBatch.from_arrays([*batch.columns, *added], schema=pa.schema(fields))

        ddl = ", ".join(
            [f"`{field.name}` {field.dataType.simpleString()}" for field in examples.schema.fields]
            + [_SCORES]
        )
        return examples.mapInArrow(batches, ddl)

    def _measured(self, batch: pa.RecordBatch) -> dict[str, Sequence[Any]]:
        texts = {name: [text or "" for text in batch.column(name).to_pylist()] for name in _FIELDS}
        found = self._tokens(texts) | self._contaminated(texts, batch.column("task").to_pylist())
        return found | self._languages(texts, batch)

    def _tokens(self, texts: Mapping[str, list[str]]) -> dict[str, Sequence[int]]:
        if self.tokenizer is None:
            return {}
        tokenizer = load_tokenizer(self.tokenizer)
        found = {name: tokenizer.counts(texts[name]) for name in _FIELDS}
        return {
            "tokens": [sum(of) for of in zip(*(found[name][0] for name in _FIELDS), strict=True)],
            "output_tokens": found["output"][0],
            "byte_tokens": [sum(of) for of in zip(*(found[name][1] for name in _FIELDS), strict=True)],
        }

    def _contaminated(self, texts: Mapping[str, list[str]], tasks: Sequence[str]) -> dict[str, Sequence[Any]]:
        if self.overlap is None:
            return {}
        overlap = self.overlap()
        # the instruction of a translation task is a template
        own = [
            "" if task == "translation" else text
            for task, text in zip(tasks, texts["instruction"], strict=True)
        ]
        worst: list[tuple[float, str | None]] = [(0.0, None)] * len(tasks)
        for column in (own, texts["input"], texts["output"]):
            shares, names = overlap(column)
            worst = [
                max(a, (float(s), n), key=lambda one: one[0])
                for a, s, n in zip(worst, shares, names, strict=True)
            ]
        return {
            "contamination": [share for share, _ in worst],
            "contaminated_by": [name for _, name in worst],
        }

    def _languages(self, texts: Mapping[str, list[str]], batch: pa.RecordBatch) -> dict[str, Sequence[Any]]:
        """Of rows that nobody has checked: the better of instruction and output, for either may be code."""
        langs, checked = batch.column("lang").to_pylist(), batch.column("checked").to_pylist()
        size = batch.num_rows
        found: dict[str, Any] = {
            name: [None] * size for name in ("lid", "lid_prob", "lid_claimed", "script_share")
        }
        for code in sorted({lang for lang, done in zip(langs, checked, strict=True) if not done}):
            language = self.languages[code]
            places = [k for k in range(size) if langs[k] == code and not checked[k]]
            labels = language.lid_labels or (code,)
            model = lid.load_model(self.lid_model)
            for name in ("instruction", "output"):
                said = lid.identify(model, [texts[name][k] for k in places], labels)
                for k, one in zip(places, said, strict=True):
                    share = script_share(texts[name][k], language)
                    if share is not None:
                        found["script_share"][k] = max(share, found["script_share"][k] or 0.0)
                    if one is not None and (found["lid"][k] is None or one.claimed > found["lid_claimed"][k]):
                        found["lid"][k], found["lid_prob"][k] = one.label, one.prob
                        found["lid_claimed"][k] = one.claimed
        return found
