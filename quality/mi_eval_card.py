"""The card of MI-EVAL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.markdown import table
from pipelines.shards.manifest import splits_of
from pipelines.shards.published import DatasetFolder
from quality import cards
from quality.licenses import of_whole
from schemas.mi_eval import REASONS


def write_card(dataset: DatasetFolder) -> None:
    """Writes the card of MI-EVAL, made from the manifest alone."""
    manifest = dataset.manifest
    whole = of_whole({manifest["config"]["license"], manifest["engine"]["license"]})
    languages, body = sorted(splits_of(manifest)), _body(manifest, whole.why)
    cards.write_card(dataset, "Polyinstruct MI-EVAL", languages, whole, "text-generation", body)


def _body(manifest: Mapping[str, Any], why: str) -> list[str]:
    config, generator = manifest["config"], manifest["generator"]
    items, languages = manifest["counts"][-1]["kept"], ["en", *config["languages"]]
    references = "with reference answers" if config["references"] else "without reference answers"
    return [
        f"{items:,} new instructions in {len(languages)} languages ({', '.join(languages)}), {references}: made in the "
        "self-instruct way (arXiv 2212.10560) as the x-LLaMA paper's MI-EVAL was (arXiv 2308.04948, appendix B). Rows "
        "with the same `id` are the same item; every item stands in every language.",
        "",
        f"The English items were written by `{generator['model']}`, and translated by "
        f"`{manifest['engine']['signature']}`.",
        "",
        "## Sources",
        "",
        *table(
            ("seeds", "records"),
            [(f"`{source['path']}`", f"{source['records']:,}") for source in manifest["inputs"]],
        ),
        "",
        f"Translated with {manifest['engine']['model']} (revision {manifest['engine']['revision']}, "
        f"{manifest['engine']['quantization']}), whose weights are under {manifest['engine']['license']}.",
        "",
        "**Licence of the whole**: "
        + why
        + " The terms of the generator's provider may limit its use further.",
        "",
        "## Filtering",
        "",
        f"{manifest['rounds']} rounds of generation; candidates that fell are kept beside the dataset.",
        "",
        *table(
            ("stage", "reason", "candidates", "meaning"),
            [
                (count["stage"], f"`{reason}`", f"{rows:,}", REASONS[reason])
                for count in manifest["counts"]
                for reason, rows in count["rejected"].items()
            ],
        ),
        "",
        "## Decontamination",
        "",
        f"No instruction or input shares more than {config['training']['max_overlap']:.0%} of its n-grams "
        f"({config['training']['words']} words, {config['training']['chars']} characters in scripts without spaces) "
        f"with the {len(manifest['training']):,} files of training data that were given, in any language:",
        "",
        *(f"- `{file['path']}`" for file in manifest["training"][:50]),
        "",
        "## Known limits",
        "",
        "- The answers are a model's: they were not checked by people, and some are wrong.",
        "- The translations were checked for their form only, by machine; the culture is that of the English tasks.",
        "- Likeness is that of words (ROUGE-L): a task that says the same in other words counts as new.",
        f"- Languages were identified by `{manifest['lid_model']['name']}`, which mistakes short texts.",
        "",
    ]
