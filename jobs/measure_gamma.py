"""Measures how similar languages are to English, for the scaling law: gamma, from multi-way sentences and an encoder.

python jobs/measure_gamma.py --encoder facebook/nllb-200-distilled-600M --multiway flores200_dataset/devtest \
    --output gamma.yaml

The file goes to plan_mixture --gamma. The allocation does not depend on gamma: it makes laws comparable.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from pipelines.atomic import replacing
from pipelines.cli import job_parser, names, run_job
from pipelines.errors import UserError
from pipelines.mixture.gamma import encoder, multiway, similarities
from pipelines.shards.write import sha256_of


def main(argv: list[str]) -> int:
    parser = job_parser("measure_gamma", __doc__)
    parser.add_argument(
        "--encoder", required=True, metavar="MODEL", help="transformers model: a folder, or a name on the Hub"
    )
    parser.add_argument(
        "--multiway", type=Path, required=True, metavar="DIR", help="line-aligned files, such as FLORES-200's"
    )
    parser.add_argument(
        "--languages",
        type=names,
        default="ar,el,hi,tr,vi,zh",
        metavar="L,L",
        help="languages (default: the six)",
    )
    parser.add_argument(
        "--layer", type=int, default=-1, metavar="N", help="layer, from 0, the embeddings (default: the last)"
    )
    parser.add_argument(
        "--method", choices=("cosine", "retrieval"), default="cosine", help="which of the two becomes gamma"
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FILE", help="write the values here (.yaml)"
    )
    arguments = parser.parse_args(argv)
    texts = multiway(arguments.multiway, arguments.languages)
    found = similarities(texts, encoder(arguments.encoder, arguments.layer))
    gamma = {code: round(getattr(one, arguments.method), 4) for code, one in found.items()}
    outside = [f"{code} {value}" for code, value in gamma.items() if not 0 < value < 1]
    if outside:
        raise UserError(
            f"--method {arguments.method}: gamma lies between 0 and 1, and came to {', '.join(outside)}; "
            "take the other method, another layer or encoder"
        )
    files = sorted(path for path in arguments.multiway.iterdir() if path.is_file())
    content = {
        "gamma": gamma,
        "method": arguments.method,
        "encoder": Path(arguments.encoder).name if Path(arguments.encoder).exists() else arguments.encoder,
        "layer": arguments.layer,
        "sentences": len(texts["en"]),
        "measured": {
            c: {"cosine": round(one.cosine, 6), "retrieval": round(one.retrieval, 6)}
            for c, one in found.items()
        },
        "files": {path.name: sha256_of(path) for path in files},
    }
    with replacing(arguments.output) as temporary:
        temporary.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    for code, one in found.items():
        print(f"{code}: cosine {one.cosine:.4f}, top-1 retrieval {one.retrieval:.4f}")
    print(f"gamma ({arguments.method}): {arguments.output}")
    return 0


if __name__ == "__main__":
    run_job(main)
