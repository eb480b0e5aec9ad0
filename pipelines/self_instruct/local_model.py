"""A generator on this machine: a causal language model through transformers."""

from __future__ import annotations

import threading
from typing import Any

from pipelines.errors import UserError
from pipelines.self_instruct.requests import Answer, Request


class LocalModel:
    """Answers with a model that is loaded once, one request at a time.

    The draw depends on the request alone (its seed), whatever was asked before. A presence penalty has no counterpart
    in transformers and is left out; a chat template is used where the tokenizer has one.
    """

    def __init__(self, path: str) -> None:
        try:
            import torch
            from transformers import AutoModelForCausalLM, AutoTokenizer
        except ImportError:
            raise UserError("generator.local needs transformers: pip install 'polyinstruct[train]'") from None
        self._torch = torch
        self._one_at_a_time = threading.Lock()
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(path)
            model: Any = AutoModelForCausalLM.from_pretrained(path, dtype="auto")
        except (OSError, ValueError) as error:
            raise UserError(
                f"{path}: cannot be loaded as a language model ({str(error).splitlines()[0]})"
            ) from None
        self._model = model.to("cuda" if torch.cuda.is_available() else "cpu").eval()

    def answer(self, request: Request) -> Answer:
        with self._one_at_a_time:
            return self._answer(request)

    def _answer(self, request: Request) -> Answer:
        torch, tokenizer, sampling = self._torch, self._tokenizer, request.sampling
        encoded = self._encode(request.prompt).to(self._model.device)
        length = encoded["input_ids"].shape[1]
        options: dict[str, Any] = {"do_sample": bool(sampling.temperature)}
        if sampling.temperature:
            options |= {"temperature": sampling.temperature, "top_p": sampling.top_p or 1.0, "top_k": 0}
        if request.stop:
            options |= {"stop_strings": list(request.stop), "tokenizer": tokenizer}
        torch.manual_seed(request.seed)
        with torch.inference_mode():
            tokens = self._model.generate(
                **encoded,
                max_new_tokens=sampling.max_tokens,
                pad_token_id=tokenizer.pad_token_id
                if tokenizer.pad_token_id is not None
                else tokenizer.eos_token_id,
                **options,
            )[0, length:]
        text = tokenizer.decode(tokens, skip_special_tokens=True)
        stopped = [place for stop in request.stop if (place := text.find(stop)) >= 0]
        if stopped:
            text = text[: min(stopped)]
        cut = not stopped and len(tokens) >= sampling.max_tokens
        return Answer(text, "length" if cut else "stop", False, length, len(tokens), True)

    def _encode(self, prompt: str) -> Any:
        if self._tokenizer.chat_template:
            messages = [{"role": "user", "content": prompt}]
            return self._tokenizer.apply_chat_template(
                messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
            )
        return self._tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)
