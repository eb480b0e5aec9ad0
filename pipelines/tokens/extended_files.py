"""The files of a tokenizer whose SentencePiece model got further pieces.

`tokenizer.json`, where there is one, gets the same pieces and the merges that make them; the other files stay as they
are. A base without `tokenizer_config.json`, or that names no class in it (a model's `config.json` may do so instead),
gets what transformers needs to know that it is LLaMA's kind.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipelines.errors import UserError

MODEL, FAST = "tokenizer.model", "tokenizer.json"
_CONFIG = "tokenizer_config.json"


def check_files(files: Mapping[str, Path], model: Any) -> None:
    """Raises `UserError` if the files hold tokens that `model` does not have: new pieces would take their ids."""
    pieces = [piece.piece for piece in model.pieces]
    for path in files.values():
        if path.suffix != ".json":
            continue
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
            others = [
                token
                for token, id in _added_tokens(path.name, held)
                if (token not in pieces if id is None else pieces[id : id + 1] != [token])
            ]
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise UserError(f"tokenizer: {path} cannot be read ({error})") from None
        if others:
            raise UserError(
                f"tokenizer: {path} adds {', '.join(map(repr, others[:5]))} to the {len(pieces):,} pieces of {MODEL}, "
                "and new pieces would take the ids of added tokens; expected a tokenizer without them"
            )
        if path.name == FAST and held["model"]["vocab"] != {piece: id for id, piece in enumerate(pieces)}:
            raise UserError(
                f"tokenizer: {path} is another tokenizer than {MODEL}; expected the same pieces and ids"
            )


def write_files(folder: Path, files: Mapping[str, Path], base: Any, model: Any) -> None:
    """Writes the tokenizer of `model`, which is `base` with further pieces, into `folder`; `files` are the base's."""
    for name, path in files.items():
        if name in (MODEL, FAST) or path.suffix == ".model":
            continue
        shutil.copyfile(path, folder / name)
    (folder / MODEL).write_bytes(model.SerializeToString(deterministic=True))
    if FAST in files:
        held = json.loads(files[FAST].read_text(encoding="utf-8"))
        _extend_json(held["model"], base, model)
        _write(folder / FAST, held)
    config = json.loads(files[_CONFIG].read_text(encoding="utf-8")) if _CONFIG in files else _described(model)
    if "tokenizer_class" not in config or _CONFIG not in files:
        _write(folder / _CONFIG, {"tokenizer_class": "LlamaTokenizer"} | config)


def _added_tokens(name: str, held: Any) -> Iterator[tuple[str, int | None]]:
    """The tokens that a file names, with their ids where it says them."""
    if name == "added_tokens.json":
        yield from held.items()
    if name == FAST:
        yield from ((token["content"], token["id"]) for token in held.get("added_tokens", []))
    if name == _CONFIG:
        yield from ((token["content"], int(id)) for id, token in held.get("added_tokens_decoder", {}).items())
    if name in (_CONFIG, "special_tokens_map.json"):
        for key, value in held.items():
            if not key.endswith(("_token", "_special_tokens")) or not value or isinstance(value, bool):
                continue
            for token in value if isinstance(value, list) else [value]:
                yield (token["content"] if isinstance(token, dict) else token), None


def _extend_json(held: dict[str, Any], base: Any, model: Any) -> None:
    """Gives the BPE model of a tokenizer.json further pieces, and the merges that SentencePiece would make of them.

    SentencePiece merges any two neighbours whose text is a piece, the greatest score first; `tokenizers` knows merges
    by their parts, in order. So a piece has as many merges as there are ways to part it.
    """
    scores = {piece.piece: piece.score for piece in model.pieces}
    mergeable = {piece.piece for piece in model.pieces if piece.type == piece.NORMAL}
    new = {piece.piece for piece in model.pieces[len(base.pieces) :]}
    written = held["merges"]
    merges = [tuple(merge.split(" ") if isinstance(merge, str) else merge) for merge in written]
    for piece in sorted(mergeable, key=lambda piece: -scores[piece]):
        for parts in ((piece[:place], piece[place:]) for place in range(1, len(piece))):
            if mergeable.issuperset(parts) and new.intersection((piece, *parts)):
                merges.append(parts)
    # the base's merges stand in this order already; equal ones stay as they are
    merges.sort(key=lambda parts: -scores["".join(parts)])
    joined = bool(written) and isinstance(written[0], str)
    held["merges"] = [" ".join(parts) if joined else list(parts) for parts in merges]
    held["vocab"] = {piece.piece: id for id, piece in enumerate(model.pieces)}


def _described(model: Any) -> dict[str, Any]:
    spec = model.trainer_spec
    named = {
        "bos_token": (spec.bos_id, spec.bos_piece),
        "eos_token": (spec.eos_id, spec.eos_piece),
        "unk_token": (spec.unk_id, spec.unk_piece),
    }
    return {
        "legacy": False,
        "add_bos_token": spec.bos_id >= 0,
        "add_eos_token": False,
        "add_prefix_space": model.normalizer_spec.add_dummy_prefix,
        **{name: piece if id >= 0 else None for name, (id, piece) in named.items()},
    }


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
