"""From a published translation model to an engine directory: read, trim, convert, certify, test, publish.

The engine appears whole or not at all; a trim that changes outputs, or a model that speaks the wrong languages, is
refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import ctranslate2
import sentencepiece

from pipelines.atomic import write_json
from pipelines.errors import UserError
from pipelines.shards.workspace import open_workspace
from pipelines.translation.engine import Engine
from pipelines.translation.engine_files import SOURCE_SPM, TARGET_SPM, describe, open_directory
from pipelines.translation.families import END
from pipelines.translation.preparing.download import card_license, fetch_model
from pipelines.translation.preparing.sample_text import read_sample_text
from pipelines.translation.preparing.source_model import UNKNOWN, SourceModel, read_source_model
from pipelines.translation.preparing.trials import Identify, equal_share, self_test
from pipelines.translation.preparing.trimming import (
    Kept,
    choose,
    hold_out,
    keep_all,
    restrict_spm,
    text_pieces,
)
from schemas.engine import FILE_NAME, EngineManifest, Trim
from schemas.languages import Language
from schemas.translation_config import EngineConfig

Tags = tuple[dict[str, str], dict[str, str]]
"""The tags of source and of target languages, by language code."""


@dataclass(frozen=True)
class Preparation:
    """What to make an engine from. `languages` are those to translate into and from, besides English."""

    model: str
    languages: Mapping[str, Language]
    output: Path
    sample_text: Path
    quantization: str = "int8"
    revision: str | None = None
    license: str | None = None
    trim: bool = True
    least_equal: float = 0.95


def prepare(
    wanted: Preparation, english: Language, identify: Identify, overwrite: bool, say: Callable[[str], None]
) -> EngineManifest:
    """Makes the engine directory and returns its description; `say` is told what goes on.

    Raises `UserError` if the model cannot be fetched, is of no known family or not whole, does not know a language; if
    fewer than `least_equal` of the sample outputs are those of the untrimmed model; or if the self-test fails.
    """
    _need_torch()
    texts = read_sample_text(wanted.sample_text, wanted.languages)
    path, revision = fetch_model(wanted.model, wanted.revision)
    model = read_source_model(path)
    languages = {"en": english, **wanted.languages}
    tags = find_tags(model, languages)
    kept, sentences = keep_all(model), texts["en"]
    if wanted.trim:
        chosen, sentences = hold_out(texts)
        kept = choose(model, sorted({*tags[0].values(), *tags[1].values()} - {""}), languages, chosen)
        say(f"vocabulary: {len(kept.ids):,} of {len(model.tokens):,} tokens are kept")
    fingerprint = hashlib.sha256(repr((wanted, revision)).encode()).hexdigest()[:16]
    with open_workspace(wanted.output, fingerprint, overwrite) as workspace:
        say(f"converting to {wanted.quantization}")
        engine = build_engine(model, kept, wanted.quantization, tags, workspace.result)
        trim = None
        if len(kept.ids) < len(model.tokens):
            whole = build_engine(
                model, keep_all(model), wanted.quantization, tags, workspace.folder / "whole"
            )
            compared, share = equal_share(engine, whole, sentences)
            say(f"certificate: {share:.1%} of {compared:,} outputs are those of the untrimmed model")
            if share < wanted.least_equal:
                raise UserError(
                    f"trim: {share:.1%} of {compared:,} sample outputs are those of the untrimmed model, which is less "
                    f"than {wanted.least_equal:.1%}; give more --sample-text for the languages, or --no-trim"
                )
            trim = Trim(
                tokens_before=len(model.tokens),
                tokens_after=len(kept.ids),
                whole_scripts=kept.whole_scripts,
                text_languages=kept.text_languages,
                certified_outputs=compared,
                equal_share=share,
            )
        manifest = engine.manifest.model_copy(
            update={
                "model": wanted.model if Path(wanted.model) != path else path.resolve().name,
                "revision": revision,
                "license": wanted.license or card_license(path),
                "trim": trim,
                "self_test": self_test(engine, sentences, identify),
            }
        )
        write_json(workspace.result / FILE_NAME, manifest.model_dump(mode="json"))
        workspace.publish()
    return manifest


def find_tags(model: SourceModel, languages: Mapping[str, Language]) -> tuple[dict[str, str], dict[str, str]]:
    """The tags of source and of target languages. Raises `UserError` for languages that the model does not know."""
    vocabulary = set(model.tokens)
    tags = {code: model.family.tag(code, language, vocabulary) for code, language in languages.items()}
    if model.family.tags_both:
        both = tags
    elif any(model.family.form.fullmatch(token) for token in vocabulary):
        # the source needs no tag, and English none as a target unless the model has it
        both = {code: tag for code, tag in tags.items() if code != "en" or tag is not None}
    else:
        into = [code for code in languages if code != "en"]
        if len(into) != 1:
            raise UserError(
                f"model {model.path}: has no language tags, so it translates into one language; --languages names "
                f"{len(into)}"
            )
        return {"en": ""}, {into[0]: ""}
    unknown = [code for code, tag in both.items() if tag is None]
    if unknown:
        raise UserError(
            f"model {model.path}: has no tag for {', '.join(unknown)} "
            f"({', '.join(model.family.names(code, languages[code])[0] for code in unknown)}): it does not know "
            "that language, and would read the tag as <unk>"
        )
    known = {code: tag for code, tag in both.items() if tag is not None}
    if model.family.tags_both:
        return known, known
    # OPUS-MT's multilingual models are named from-to; the others translate between any two
    return (
        ({"en": ""}, {code: tag for code, tag in known.items() if code != "en"})
        if model.family.name == "marian"
        else (dict.fromkeys({"en": "", **known}, ""), known)
    )


def build_engine(model: SourceModel, kept: Kept, quantization: str, tags: Tags, folder: Path) -> Engine:
    """Converts into `folder` (anew), describes it without name and test results, and loads the engine."""
    from pipelines.translation.preparing.conversion import convert

    tokens = [model.tokens[id_] for id_ in kept.ids]
    convert(model, kept.ids, quantization, folder)
    names = {SOURCE_SPM: model.source_spm}
    if model.target_spm != model.source_spm:
        names[TARGET_SPM] = model.target_spm
    for name, spm in names.items():
        (folder / name).write_bytes(restrict_spm(spm, model.family, set(tokens)))
    pieces = text_pieces(model)
    manifest = EngineManifest(
        family=model.family.name,
        model="",
        revision="",
        license="",
        quantization=quantization,
        source_tags=tags[0],
        target_tags=tags[1],
        end_token=END,
        unknown_token=UNKNOWN,
        control_tokens=tuple(token for token in tokens if token not in pieces),
        max_positions=model.max_positions,
        trim=None,
        self_test={},
        ctranslate2=ctranslate2.__version__,
        sentencepiece=sentencepiece.__version__,
        files={file.name: describe(file) for file in sorted(folder.iterdir())},
    )
    write_json(folder / FILE_NAME, manifest.model_dump(mode="json"))
    return Engine(open_directory(folder), EngineConfig(path=folder, device="cpu"))


def _need_torch() -> None:
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"preparing an engine needs {error.name}: install the extra, pip install '.[train,translate]'"
        ) from None
