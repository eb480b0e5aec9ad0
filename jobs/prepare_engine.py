"""Makes a translation engine from a published model, or from a local directory that holds one.

    python jobs/prepare_engine.py --model facebook/nllb-200-distilled-600M --languages ar,el,hi,tr,vi,zh --output DIR

NLLB-200, M2M-100, MADLAD-400, Marian and OPUS-MT. The vocabulary is trimmed to the languages, as strongly as the sample
text allows: a language with a million characters of it keeps the pieces that its text uses, another one all pieces of
its scripts. The engine is refused if its sample outputs are not those of the untrimmed model, or not in the languages
that were asked for. NLLB's weights are CC-BY-NC-4.0; those of the other families are freer.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

# python and spark-submit put jobs/ on the path, not the project
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pipelines.cli import add_config_arguments, job_parser, names, run_job
from pipelines.errors import UserError
from pipelines.lid import default_model, identify, load_model
from pipelines.prepare import Preparation, prepare
from schemas.languages import LANGUAGES
from schemas.loading import load_config

SAMPLE_TEXT = Path(__file__).resolve().parent.parent / "samples" / "text"
QUANTIZATIONS = ("int8", "int8_float16", "int16", "float16", "float32")


def main(argv: list[str]) -> int:
    arguments = _parser().parse_args(argv)
    config = load_config(arguments.config, arguments.overrides)
    known = LANGUAGES | config.languages
    codes = arguments.languages
    unknown = [code for code in codes if code not in known or code == "en"]
    if unknown or not codes:
        raise UserError(
            f"--languages: {', '.join(unknown) or 'nothing'} is no language to translate into; known are "
            f"{', '.join(sorted(set(known) - {'en'}))}; describe others under languages: in a configuration"
        )
    labels = {code: known[code].lid_labels or (code,) for code in codes}

    def identified(code: str, texts: Sequence[str]) -> int:
        model = load_model(str(config.lid.model or default_model()))
        found = identify(model, texts, labels[code])
        return sum(one is not None and one.label in labels[code] for one in found)

    manifest = prepare(
        Preparation(
            model=arguments.model,
            languages={code: known[code] for code in codes},
            output=arguments.output,
            sample_text=arguments.sample_text,
            quantization=arguments.quantization,
            revision=arguments.revision,
            license=arguments.license,
            trim=not arguments.no_trim,
            least_equal=arguments.least_equal,
        ),
        known["en"],
        identified,
        arguments.overwrite,
        lambda sentence: print(sentence, flush=True),
    )
    print(
        f"engine:  {arguments.output} ({sum(file.bytes for file in manifest.files.values()) / 1e6:,.1f} MB)"
    )
    print(f"model:   {manifest.model}, {manifest.family}, revision {manifest.revision}")
    print(f"licence: {manifest.license} (of the weights)")
    for code, test in manifest.self_test.items():
        print(
            f"into {code}: {test.identified} of {test.translations} sample translations are in the language"
        )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = job_parser("prepare_engine", __doc__)
    parser.add_argument(
        "--model", required=True, metavar="NAME", help="name on the Hub, or a local directory"
    )
    parser.add_argument("--revision", metavar="REV", help="commit, tag or branch on the Hub")
    parser.add_argument(
        "--languages",
        type=names,
        default="ar,el,hi,tr,vi,zh",
        metavar="L,L",
        help="to translate into (default: %(default)s)",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="engine directory to make")
    parser.add_argument("--quantization", choices=QUANTIZATIONS, default="int8", help="(default: int8)")
    parser.add_argument(
        "--sample-text",
        type=Path,
        default=SAMPLE_TEXT,
        metavar="DIR",
        help="<language>.txt or .jsonl with texts by language, English among them (default: the samples)",
    )
    parser.add_argument("--no-trim", action="store_true", help="keep the whole vocabulary")
    parser.add_argument(
        "--least-equal",
        type=float,
        default=0.95,
        metavar="SHARE",
        help="of sample outputs that must be those of the untrimmed model (default: 0.95)",
    )
    parser.add_argument(
        "--license", metavar="ID", help="of the weights, where the model's card does not say it"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an engine that is there")
    add_config_arguments(parser)
    return parser


if __name__ == "__main__":
    run_job(main)
