"""Makes a larger tokenizer: a base model's SentencePiece BPE, with pieces of other languages appended.

    python jobs/extend_tokenizer.py --tokenizer DIR --text zh=mc4-zh.jsonl.gz --text en=c4-en.jsonl.gz --output DIR

The old pieces keep their ids and come first, so that English is tokenised as before but where a new piece occurs. The
pieces are learned of all languages together, from as many bytes of each. English (--text en=FILE) is only measured on.
Tokenise with the output, and train with `model.extend_vocabulary`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipelines.cli import add_config_arguments, add_output_arguments, job_parser, run_job
from pipelines.errors import UserError
from pipelines.extending import extend_tokenizer, plan
from pipelines.tokens.extension_summary import print_extended
from schemas.extend_run import ExtendRun
from schemas.loading import load


def main(argv: list[str]) -> int:
    parser = job_parser("extend_tokenizer", __doc__)
    parser.add_argument(
        "--tokenizer",
        type=Path,
        metavar="DIR",
        help="the base model's directory (tokenizer.model), or a SentencePiece BPE .model",
    )
    parser.add_argument(
        "--text",
        action="append",
        default=[],
        metavar="LANG=FILE",
        help="documents: .jsonl, .parquet or .txt, compressed or not (repeatable)",
    )
    parser.add_argument("--pieces", type=int, metavar="N", help="pieces to add (default: 20000)")
    add_output_arguments(parser, "out/tokenizer")
    add_config_arguments(parser)
    arguments = parser.parse_args(argv)
    config = load(
        ExtendRun,
        arguments.config,
        arguments.overrides,
        tokenizer=arguments.tokenizer,
        text=_by_language(arguments.text) or None,
        pieces=arguments.pieces,
        output=arguments.output,
    )
    print_extended(extend_tokenizer(plan(config), arguments.overwrite), config)
    return 0


def _by_language(given: Sequence[str]) -> dict[str, list[str]]:
    """`LANG=FILE` strings as languages and their files. Raises `UserError` for anything else."""
    found: dict[str, list[str]] = {}
    for text in given:
        language, _, file = text.partition("=")
        if not language or not file:
            raise UserError(f"--text {text}: expected a language and a file, like zh=mc4-zh.jsonl.gz")
        found.setdefault(language, []).append(file)
    return found


if __name__ == "__main__":
    run_job(main)
