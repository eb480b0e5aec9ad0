"""Makes `tokenizer.model`: a small sentencepiece tokenizer of all seven languages, for tests and demonstrations.

    python samples/train_tokenizer.py [--output FILE]

It is trained on the sample sentences and on the Alpaca records and their translations. Text goes through it unchanged
(normalisation rule `identity`), and what its vocabulary lacks is spelled in bytes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import sentencepiece

HERE = Path(__file__).parent
LANGUAGES = ("en", "ar", "el", "hi", "tr", "vi", "zh")
VOCABULARY = 4000


def main() -> None:
    parser = argparse.ArgumentParser(description="Make samples/tokenizer.model.")
    parser.add_argument(
        "--output", type=Path, default=HERE / "tokenizer.model", help="the model file to write"
    )
    output = parser.parse_args().output
    with output.open("wb") as model:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sorted(set(training_lines()))),
            model_writer=model,
            model_type="unigram",
            vocab_size=VOCABULARY,
            character_coverage=1.0,
            byte_fallback=True,
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            num_threads=1,  # the order of sums, and so the model's bytes, depends on it
            minloglevel=2,
        )


def training_lines() -> Iterator[str]:
    for path in sorted((HERE / "text").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").split("\n"):
            if line:
                yield from (text for name, text in json.loads(line).items() if name in LANGUAGES)
    records = json.loads((HERE / "alpaca_data.json").read_text(encoding="utf-8"))
    translations = (HERE / "alpaca_translations.jsonl").read_text(encoding="utf-8").split("\n")
    records += [json.loads(line) for line in translations if line]
    for record in records:
        for field in ("instruction", "input", "output"):
            yield from (line for line in record[field].split("\n") if line)


if __name__ == "__main__":
    main()
