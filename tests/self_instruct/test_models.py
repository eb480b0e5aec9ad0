"""A tiny language model behind `transformers serve`, and the same in this process: the protocol, not the content."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from pipelines.errors import UserError
from pipelines.self_instruct.endpoint import Endpoint
from pipelines.self_instruct.local_model import LocalModel
from pipelines.self_instruct.requests import Request
from schemas.generator import GeneratorConfig, Sampling

TEMPLATE = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of a few thousand random weights, whose tokens are bytes."""
    folder = tmp_path_factory.mktemp("models") / "tiny-llama"
    alphabet = sorted(ByteLevel.alphabet())
    tokenizer = Tokenizer(BPE({token: place for place, token in enumerate([*alphabet, "</s>"])}, []))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = ByteLevelDecoder()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", pad_token="</s>")
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = LlamaConfig(vocab_size=len(fast), max_position_embeddings=4096, initializer_range=0.3, **shape)
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def request(seed: int = 1, temperature: float = 0.9, prompt: str = "Say something.") -> Request:
    sampling = Sampling(temperature=temperature, top_p=0.9, presence_penalty=1.0, max_tokens=24)
    return Request("", prompt, sampling, seed)


def test_a_local_model_answers_by_the_request_alone(model: Path) -> None:
    local = LocalModel(str(model))
    first, other = local.answer(request()), local.answer(request(seed=2))
    assert local.answer(request()) == first != other
    assert first.text
    assert 0 < first.completion_tokens <= 24
    assert first.prompt_tokens == len("<user>Say something.<assistant>")
    assert first.cut == (first.completion_tokens == 24)
    greedy = local.answer(request(temperature=0.0))
    assert local.answer(request(seed=3, temperature=0.0)) == greedy


def test_a_local_model_stops_where_it_is_told(model: Path) -> None:
    local = LocalModel(str(model))
    whole = local.answer(request(temperature=0.0))
    stop = whole.text[2:4]
    told = Request("", "Say something.", Sampling(max_tokens=24), 1, (stop,))
    answer = local.answer(told)
    assert answer.text == whole.text[: whole.text.index(stop)]
    assert answer.finish_reason == "stop"


def test_what_is_no_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be loaded as a language model"):
        LocalModel(str(tmp_path))


@pytest.fixture(scope="module")
def served(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of `transformers serve`."""
    pytest.importorskip("fastapi", reason="transformers serve needs fastapi, uvicorn and openai")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("serve") / "log"
    program = shutil.which("transformers", path=str(Path(sys.executable).parent))
    assert program is not None
    given = ["serve", str(model), "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    with open(log, "wb") as sink:
        offline = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        server = subprocess.Popen([program, *given], stdout=sink, stderr=sink, env=offline)
    try:
        deadline = time.monotonic() + 120
        while True:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            try:
                if httpx.get(f"http://127.0.0.1:{port}/health", timeout=2).status_code == 200:
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(30)


def test_transformers_serve_speaks_the_protocol(served: str, model: Path) -> None:
    config = GeneratorConfig(endpoint=served, model=str(model), retries=1, backoff_s=0.1)
    endpoint = Endpoint(config, None)
    sampling = Sampling(temperature=0.0, max_tokens=24)
    asked = Request(str(model), "Say something.", sampling, 1, ("\n17.",))
    answer = endpoint.answer(asked)
    assert answer.counted
    assert answer.finish_reason in ("stop", "length")
    assert 0 < answer.completion_tokens <= 24
    assert endpoint.answer(asked) == answer
    with pytest.raises(UserError, match=r"refuses the request \(HTTP 4\d\d"):
        endpoint.answer(Request("another-model", "Say something.", sampling, 1))
