"""Conversations as a tokenizer's chat template writes them.

A template is a program that came with the tokenizer: it may refuse a conversation, fail, or ask for the date.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pipelines.errors import UserError
from pipelines.tokens.tokenizer import Tokenizer

Message = dict[str, str]

# what a template takes for today, so that the same rows always give the same tokens; Llama 3's own day for want of one
_TODAY = datetime(2024, 7, 26)
_DATE_PARTS = "aAbBdmYyjHIMSpcxX"
_EXAMPLE: list[Message] = [{"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Hi."}]


class TemplateRefusal(Exception):
    """A chat template refuses a conversation, or cannot write it."""


def rendered(tokenizer: Tokenizer, messages: Sequence[Message], ask: bool) -> str:
    """The conversation as a text; with `ask`, it ends where the assistant's answer begins.

    Raises `TemplateRefusal`.
    """
    from transformers.utils.chat_template_utils import render_jinja_template

    render: Any = render_jinja_template
    try:
        texts, _ = render(
            conversations=[list(messages)],
            chat_template=_on_a_fixed_day(tokenizer.chat_template),
            add_generation_prompt=ask,
            **tokenizer.special,
        )
    except ImportError:
        raise
    except Exception as error:  # whatever the template's program does wrong
        raise TemplateRefusal(" ".join(str(error).split()) or type(error).__name__) from None
    return str(texts[0])


def check_template(tokenizer: Tokenizer) -> None:
    """Raises `UserError` if the template cannot write a question and its answer."""
    try:
        rendered(tokenizer, _EXAMPLE[:1], True)
        rendered(tokenizer, _EXAMPLE, False)
    except TemplateRefusal as refusal:
        raise UserError(
            f"template: the chat template cannot write a question and its answer ({refusal})"
        ) from None
    except ImportError as error:
        raise UserError(f"template: chat needs {error.name}: pip install 'polyinstruct[train]'") from None


def _on_a_fixed_day(template: Any) -> Any:
    """The template with a function of its own in place of `strftime_now`, which gives the day of the run."""
    if "strftime_now" not in template:
        return template
    parts = "".join(f"|replace('%{part}', '{_TODAY.strftime('%' + part)}')" for part in _DATE_PARTS)
    # the environment drops the newline after a block, so that the template itself stays as it is
    return f"{{% macro strftime_now(format) %}}{{{{ format{parts} }}}}{{% endmacro %}}\n{template}"
