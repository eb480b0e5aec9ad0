"""Instruction shards or texts in, tokens out, as training reads them.

spark-submit jobs/tokenize_shards.py                                        tokenises the mixtures of the samples
spark-submit jobs/tokenize_shards.py --input out/mixtures --tokenizer DIR --max-length 512 --output out/tokens
spark-submit jobs/tokenize_shards.py --set text.zh=[mc4-zh.jsonl.gz] --set text.en=[c4-en.jsonl.gz] --tokenizer DIR ...
"""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession

from pipelines.cli import add_config_arguments, add_output_arguments, job_parser, run_job
from pipelines.session import job_session
from pipelines.tokenizing import plan, tokenize
from pipelines.tokens.summary import print_tokenized
from quality.tokens_publishing import completing
from schemas.loading import load
from schemas.tokens_run import TokenizeRun

DEMO = Path(__file__).resolve().parent.parent / "configs" / "tokenize_demo.yaml"


def main(argv: list[str]) -> int:
    parser = job_parser("tokenize_shards", __doc__)
    parser.add_argument(
        "--input",
        type=Path,
        metavar="DIR",
        help="instruction shards: a published folder, or an output with one",
    )
    parser.add_argument(
        "--tokenizer", type=Path, metavar="DIR", help="the base model's directory, or a SentencePiece .model"
    )
    parser.add_argument("--template", choices=("alpaca", "chat"), help="prompt format (default: alpaca)")
    parser.add_argument("--max-length", type=int, metavar="N", help="tokens of a row, at most (default: 512)")
    add_output_arguments(parser, "out/tokens")
    add_config_arguments(parser)
    arguments = parser.parse_args(argv)

    sources = ("input=", "hub=", "text.", "text=")
    given = arguments.input or any(override.startswith(sources) for override in arguments.overrides)
    config = load(
        TokenizeRun,
        arguments.config or (None if given else DEMO),
        arguments.overrides,
        input=arguments.input,
        tokenizer=arguments.tokenizer,
        template=arguments.template,
        max_length=arguments.max_length,
        output=arguments.output,
    )

    def session() -> SparkSession:
        return job_session("tokenize_shards", config.spark)

    manifest = tokenize(session, plan(config), arguments.overwrite, completing(config))
    print_tokenized(manifest, config.output)
    return 0


if __name__ == "__main__":
    run_job(main)
