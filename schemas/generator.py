"""The configuration of a text generator: where it is, how it is asked, and what it may cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from schemas.section import Section


class Sampling(Section):
    """How an answer is drawn. What is null is not sent, for endpoints that refuse a parameter."""

    temperature: float | None = Field(0.0, ge=0, le=2)
    top_p: float | None = Field(1.0, gt=0, le=1)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    max_tokens: int = Field(512, ge=1, description="tokens of an answer at most")


class Prices(Section):
    """What the provider takes, in the currency of `budget.money`."""

    input: float = Field(0.0, ge=0, description="of a million tokens of prompt")
    output: float = Field(0.0, ge=0, description="of a million tokens of answer")


class Budget(Section):
    """What a set may cost in all, the answers of earlier runs included."""

    tokens: int | None = Field(None, ge=1, description="tokens, of prompts and answers together")
    money: float | None = Field(None, gt=0, description="money, by `prices`")


class GeneratorConfig(Section):
    """An OpenAI-compatible endpoint (`endpoint`), a local model (`local`), or neither: only what is stored is used."""

    endpoint: str | None = Field(None, description="base URL, as https://host/v1; its key is in `key_env`")
    local: str | None = Field(None, description="model for transformers: a directory, or a name on the Hub")
    model: str = Field(
        "", description="the model's name, at the endpoint and in the dataset; default: `local`"
    )
    key_env: str = Field("OPENAI_API_KEY", description="environment variable that holds the endpoint's key")
    store: Path | None = Field(
        None, description="folder of requests and answers; default: `requests` beside the output"
    )
    concurrency: int = Field(8, ge=1, le=256, description="requests at a time")
    retries: int = Field(6, ge=0, description="tries after a failed one")
    timeout_s: float = Field(120.0, gt=0, description="seconds without a byte before a request is given up")
    backoff_s: float = Field(1.0, gt=0, description="seconds before the next try; doubled with each")
    longest_wait_s: float = Field(
        120.0, gt=0, description="seconds to wait at most, also where the server asks for it"
    )
    prices: Prices = Prices()
    budget: Budget = Budget()

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        if isinstance(data, dict) and not data.get("model") and data.get("local"):
            return data | {"model": Path(str(data["local"])).name}
        return data

    @model_validator(mode="after")
    def _consistent(self) -> GeneratorConfig:
        if self.endpoint is not None:
            _check_url(self.endpoint)
        if self.endpoint and self.local:
            raise ValueError("endpoint or local, not both")
        if not self.model:
            raise ValueError("model: expected the model's name (--model, or generator.model)")
        if self.budget.money is not None and not (self.prices.input or self.prices.output):
            raise ValueError("budget.money needs prices")
        return self


def _check_url(url: str) -> None:
    """Raises `ValueError` unless it is a plain base URL. The URL is not repeated: what is in it may be a secret."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("endpoint: expected a base URL, as https://host/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(
            "endpoint: a base URL holds no user, password or query; the key comes from the environment"
        )
