"""Makes `engine/`: a translation engine that knows the sample records by heart, and little else.

    python samples/train_engine.py [--output DIR] [--threads N]

A model of NLLB's shape (transformers' M2M-100, FLORES tags), a few layers small, is taught the segments of
`alpaca_translations.jsonl` and `mi_eval_translations.jsonl` until it gives every one of them back; then
`jobs/prepare_engine.py` makes an engine of it, as it does of the real model, and every translation is checked.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import sentencepiece
import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn
from transformers import M2M100Config, M2M100ForConditionalGeneration
from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES

from pipelines.translation.engine import Engine
from pipelines.translation.engine_files import open_directory
from pipelines.translation.pairing import aligned_pairs
from schemas.languages import LANGUAGES
from schemas.translation_config import Decoding, EngineConfig

TARGETS = ("ar", "el", "hi", "tr", "vi", "zh")
RECORDS = {
    "alpaca_data.json": "alpaca_translations.jsonl",
    "mi_eval_instructions.json": "mi_eval_translations.jsonl",
}
VOCABULARY = 6500  # few words in many pieces: a piece that is doubled (30|0|0) is what the model gets wrong
PAD, END, UNKNOWN = 1, 2, 3
BATCH = 800  # target tokens, padding included
EPOCHS, WARM_UP, LEARNING_RATE = 60, 3, 2.5e-3
HARDER = 3  # times that what it is not sure of comes more often
AVERAGE = 0.998  # decay of the mean of weights
SURE = 0.8  # probability of each token, with which training ends
Example = tuple[list[int], list[int]]
Batch = dict[str, torch.Tensor]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=HERE / "engine", help="engine directory to write")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads to train with (default: 1)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    pairs = known_segments()
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "polyinstruct-demo"
        text = Path(folder) / "text"
        make_model(pairs, model)
        write_text(pairs, text)
        job = [sys.executable, str(HERE.parent / "jobs" / "prepare_engine.py"), "--model", str(model)]
        job += ["--languages", ",".join(TARGETS), "--sample-text", str(text), "--least-equal", "1"]
        job += ["--license", "CC0-1.0", "--output", str(arguments.output), "--overwrite"]
        subprocess.run(job, check=True)
    wrong = not_known(arguments.output, pairs)
    for language, source, expected, found in wrong:
        print(f"{language}: {source!r}\n  expected {expected!r}\n  found    {found!r}")
    sys.exit(1 if wrong else 0)


def known_segments() -> dict[tuple[str, str], str]:
    """What the engine shall know: (target language, English segment) -> translation."""
    known: dict[tuple[str, str], str] = {}
    for english, translated in RECORDS.items():
        records = json.loads((HERE / english).read_text(encoding="utf-8"))
        for line in (HERE / translated).read_text(encoding="utf-8").split("\n"):
            if line:
                row = json.loads(line)
                name = f"{translated}, record {row['index']}"
                for source, target in aligned_pairs(records[row["index"]], row, row["lang"], name):
                    if known.setdefault((row["lang"], source), target) != target:
                        raise SystemExit(f"{name}, {row['lang']}: {source!r} is translated in two ways")
    return known


def make_model(pairs: dict[tuple[str, str], str], folder: Path) -> None:
    """Trains sentencepiece model and network, and writes them as transformers would publish them."""
    folder.mkdir()
    written = BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sorted({source for _, source in pairs} | set(pairs.values()))),
        model_writer=written,
        vocab_size=VOCABULARY,
        model_type="unigram",
        character_coverage=1.0,
        # texts must come back character by character
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        num_threads=1,
        minloglevel=2,
    )
    (folder / "sentencepiece.bpe.model").write_bytes(written.getvalue())
    pieces = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
    # fairseq's layout: <s> <pad> </s> <unk>, the pieces from the fourth on, languages, <mask>
    first_tag = len(pieces) + 1
    tags = {code: first_tag + index for index, code in enumerate(FAIRSEQ_LANGUAGE_CODES)}

    def ids(text: str) -> list[int]:
        return [piece + 1 if piece else UNKNOWN for piece in pieces.encode(text)]

    examples = [
        (
            [tags["eng_Latn"], *ids(source), END],
            [tags[LANGUAGES[language].flores], *ids(target), END],
        )
        for (language, source), target in pairs.items()
    ]
    model = train(examples, first_tag + len(tags) + 1)
    model.save_pretrained(folder)


def train(examples: Sequence[Example], vocabulary: int) -> M2M100ForConditionalGeneration:
    """Trains until the model is sure of each token of each example."""
    torch.manual_seed(0)
    size = {f"{side}_{name}": value for side in ("encoder", "decoder") for name, value in
            (("layers", 2), ("attention_heads", 4), ("ffn_dim", 256))}  # fmt: skip
    config = M2M100Config(
        vocab_size=vocabulary,
        d_model=128,
        dropout=0.0,
        attention_dropout=0.0,
        encoder_layerdrop=0.0,
        decoder_layerdrop=0.0,
        scale_embedding=True,
        init_std=0.08,
        decoder_start_token_id=END,
        max_position_embeddings=512,
        **size,
    )
    model = M2M100ForConditionalGeneration(config)
    print(
        f"{len(examples):,} segments, {sum(p.numel() for p in model.parameters()):,} parameters", flush=True
    )
    batches = make_batches(examples)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda epoch: min((epoch + 1) / WARM_UP, max(0.02, 1 - epoch / EPOCHS))
    )
    started = time.monotonic()
    # the mean of the last few hundred steps' weights is surer than those of any one step
    average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE))
    model.train()
    hard: list[Batch] = []
    for epoch in range(1, EPOCHS + 1):
        todo = batches + hard * HARDER
        for index in torch.randperm(len(todo)).tolist():
            loss = model(**todo[index]).loss
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            average.update_parameters(model)
        schedule.step()
        if epoch % 5 == 0:
            unsure = find_unsure(average.module, examples)
            print(f"epoch {epoch}: {len(unsure)} not sure, {time.monotonic() - started:.0f} s", flush=True)
            if not unsure:
                break
            hard = make_batches(unsure) if len(unsure) < len(examples) / 4 else []
    return average.module.eval()


@torch.no_grad()
def find_unsure(model: M2M100ForConditionalGeneration, examples: Sequence[Example]) -> list[Example]:
    """Examples with a token that the model gives less than the probability `SURE`."""
    unsure: list[Example] = []
    for group in group_by_length(examples):
        batch = make_batch(group)
        labels = batch["labels"]
        likely = model(**batch).logits.softmax(-1).gather(-1, labels.clamp(min=0)[..., None])[..., 0]
        worst = likely.masked_fill(labels == -100, 1.0).amin(1).tolist()
        unsure += [example for example, probability in zip(group, worst, strict=True) if probability < SURE]
    return unsure


def make_batches(examples: Sequence[Example]) -> list[Batch]:
    return [make_batch(group) for group in group_by_length(examples)]


def group_by_length(examples: Sequence[Example]) -> list[list[Example]]:
    """Examples of about one length together."""
    groups: list[list[Example]] = [[]]
    for example in sorted(examples, key=lambda example: (len(example[1]), len(example[0]))):
        if (len(groups[-1]) + 1) * len(example[1]) > BATCH:
            groups.append([])
        groups[-1].append(example)
    return groups


def make_batch(group: Sequence[Example]) -> Batch:
    """Padded tensors, by the names of the model's arguments."""
    sources, targets = (
        torch.nn.utils.rnn.pad_sequence([torch.tensor(example[side]) for example in group], True, PAD)
        for side in (0, 1)
    )
    labels = targets.masked_fill(targets == PAD, -100)
    labels[:, 0] = -100  # the tag is given, so it need not be predicted
    return {
        "input_ids": sources,
        "attention_mask": (sources != PAD).long(),
        "decoder_input_ids": torch.nn.functional.pad(targets[:, :-1], (1, 0), value=END),
        "labels": labels,
    }


def write_text(pairs: dict[tuple[str, str], str], folder: Path) -> None:
    """The known segments as sample text, for the certificate and the self-test."""
    folder.mkdir()
    sources = sorted({source for _, source in pairs}, key=len, reverse=True)
    (folder / "en.txt").write_text("".join(f"{source}\n" for source in sources), encoding="utf-8")


def not_known(engine: Path, pairs: dict[tuple[str, str], str]) -> list[tuple[str, str, str, str]]:
    """Segments that the engine translates otherwise: language, source, expected, found."""
    directory = open_directory(engine)
    loaded = Engine(directory, EngineConfig(path=engine, device="cpu"))
    wrong = []
    for beam_size in (1, 4):
        before = len(wrong)
        for language in TARGETS:
            expected = {source: target for (code, source), target in pairs.items() if code == language}
            found = loaded.translate(list(expected), "en", language, Decoding(beam_size=beam_size))
            wrong += [
                (language, source, target, translation.text)
                for (source, target), translation in zip(expected.items(), found, strict=True)
                if translation.text != target
            ]
        print(f"beam {beam_size}: {len(wrong) - before} of {len(pairs):,} segments are wrong", flush=True)
    return wrong


if __name__ == "__main__":
    main()
