r"""What a protected span looks like inside a line: a table of patterns, tried in this order.

Each kind has a hint, a cheap pattern that a text must match before its other patterns are tried at all.
"""

from __future__ import annotations

import regex

from pipelines.translation import shell_commands

_EXTENSIONS = (
    "py|js|ts|jsx|tsx|java|c|h|cpp|cs|go|rs|rb|php|pl|sh|bat|ps1|sql|html?|css|scss|xml|json|ya?ml|toml|ini|cfg|conf|csv|"
    "tsv|txt|md|tex|pdf|docx?|xlsx?|pptx?|zip|tar|gz|exe|dll|jar|log|png|jpe?g|gif|svg|mp3|mp4|wav|avi|ipynb|class"
)
_TOP_DOMAINS = r"com|org|net|edu|gov|io|info|co\.uk"
# symbols of computing and physics that no language translates
_UNITS = (
    "[kKMGT]i?B|[kKMGT]b(?:it)?(?:/s|ps)|[kMGT]?Hz|px|dpi|fps|rpm|mAh|[kMG]?Wh?|[km]?V|mA|[kMG]?Pa|dB|°\\s?[CF]|[km]m?/h|"
    "m/s(?:\\^?2|²)?|k?m²|[cmk]?m³|m?g/d?L|kcal|[kM]J|mmHg"
)
_FUNCTIONS = r"(?:sin|cos|tan|log|ln|sqrt|exp)\s?\([^()\n]*\)"
_OPERAND = (
    rf"(?:\d+(?:\.\d+)?[a-z]?|[a-zA-Z](?:_\w)?(?:\([a-z\d]\))?|{_FUNCTIONS}|π|θ|\([^()\n]{{1,30}}\))"
    r"(?:[²³]|\^[-\d\w{}()]+)?"
)
_OPERATOR = r"(?:[-+*/^=<>≤≥≠≈×÷−±·]=?|(?<=\d|\d )x(?= ?\d))"
_ITEM = r"(?:\"[^\"\n]*\"|'[^'\n]*'|“[^”\n]*”|-?\d[\d.]*)"  # of a list literal
_ARGUMENTS = r"\((?:\)|(?=[^()\n]{0,200}[\"'=_\[\]\d,.])[^()\n]{0,200}\))"
# between braces, with braces within; bounded, as every repetition here that could be tried again from each place
_INSIDE = r"[^{}\n]{0,300}(?:\{[^{}\n]{0,300}\}[^{}\n]{0,300}){0,10}"
_BRACED = rf"\{{{_INSIDE}\}}"
_PICTURE = r"(?![©®™ℹ‼⁉])\p{Extended_Pictographic}\p{Emoji_Modifier}?\ufe0f?"

_TABLE: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    # kind, hint, patterns
    (
        "control",
        r"[<>|\[_▁\p{Co}\p{Cs}\p{Cn}]",
        (
            r"</?s>|<(?:unk|pad|mask|bos|eos|sep|cls)>",
            r"<\|[^|<>\n]{1,40}\|>|\[/?INST\]",  # chat formats
            r"\b[a-z]{3}_[A-Z][a-z]{3}\b|__[a-z]{2,3}__|<2[a-z]{2,3}>|>>[a-z]{2,3}(?:_\w+)?<<",  # language tags
            r"▁+|[\p{Co}\p{Cs}\p{Cn}]+",  # SentencePiece's space; private use, surrogates, what is no character
        ),
    ),
    ("code", "`", (r"```[^`]+```", r"``[^`\n]+``", r"`[^`\n]+`")),
    ("code", shell_commands.HINT, shell_commands.PATTERNS),
    (
        "latex",
        r"[$\\]",
        (
            r"\$\$[^$]{1,1000}\$\$|\\\([^\n]{1,500}?\\\)|\\\[.{1,1000}?\\\]|\\begin\{(\w{1,20}\*?)\}.{0,2000}?\\end\{\1\}",
            # no prices: "from $5 = 4 euros to $6"
            r"\$(?![\s\d][^$\\^_{}]{0,300}\$)(?=[^$\n]{0,300}[\\^_={}])[^$\n]{0,300}[^$\s]\$(?!\d)|\$[a-zA-Z]\$",
            rf"\\[a-zA-Z]{{2,20}}(?:\[[^\]\n]{{0,50}}\])?(?:{_BRACED}){{1,5}}(?:[\^_](?:\{{[^{{}}\n]{{0,50}}\}}|\w)){{0,5}}",
        ),
    ),
    ("email", "@", (r"(?<![\w.+-])[\w.+-]{1,80}@[\w-]{1,80}(?:\.[\w-]{1,30}){1,5}",)),
    (
        "url",
        r"://|(?i:www)\.|\.[a-z]",
        (
            r"(?i:(?:https?|ftp)://|www\.)[^\s<>\"'（）。，、]*[^\s<>\"'()（）。，、.,;:!?\]]",
            rf"\b(?i:[a-z\d-]{{1,60}}\.){{1,5}}(?:{_TOP_DOMAINS})\b(?:/[\w./?=&%#~+-]*[\w/])?",
        ),
    ),
    (
        "path",
        r"[/\\]|\.[a-z]",
        (
            r"(?<![\w/.])(?:~|\.\.?)/[\w.+@/-]*[\w/]",
            r"(?<![\w/.:])/(?:[\w.+@-]+/)+(?:[\w.+@-]*[\w])?|(?<![\w/.:])/(?:etc|usr|var|home|tmp|bin|opt|dev|proc)\b",
            r"\b[A-Za-z]:\\(?:[\w .-]+\\)*[\w.-]*",
            rf"(?<![\w-])[\w-]{{1,100}}(?:\.[\w-]{{1,30}}){{0,4}}\.(?:{_EXTENSIONS})\b(?!\()",
        ),
    ),
    (
        "placeholder",
        r"[{%\[<_]|\.{5}",
        (
            r"\{\{[^{}\n]+\}\}|\$?\{(?:[A-Za-z_][\w.]*|\d*)\}",  # {name} {{name}} ${name} {0}
            r"%\(\w+\)[sdif]|(?<![\w%])%(?:\d+\$)?-?\d*(?:\.\d+)?[sdifgxu](?!\w)",  # %(name)s %1$s
            r"\[[A-Z][A-Z\d_ ]*\](?!\()",  # [NAME]; "[Your name]" is language
            # <name>, <the name>, and the tags of markup; "a < b and c > d" is none
            r"<\s?/?[A-Za-z][\w:-]*\s?/?>|<[A-Za-z](?:[\w -]{0,40}\w)?>|<[A-Za-z][\w:-]*\s[^<>\n]*=[^<>\n]*>",
            r"_{2,}|\.{5,}",  # blanks to fill in
        ),
    ),
    (
        "code",
        r"[{\[]",
        (
            rf"\{{[^{{}}\n]{{0,300}}[\"']\s?:{_INSIDE}\}}",
            rf"\[\s*{_ITEM}(?:\s*,\s*{_ITEM})*\s*\]",
        ),
    ),
    (
        "identifier",
        r"[(_]|[a-z]{2}[A-Z]|--",
        (
            rf"\b[A-Za-z_$][\w$]{{0,60}}(?:\.[A-Za-z_]\w{{0,60}}){{0,6}}{_ARGUMENTS}",  # call(a, b)
            r"\b[A-Za-z][A-Za-z\d]*(?:_[A-Za-z\d]+)+\b",  # snake_case
            # camelCase, but neither iPhone nor a space left out ("theYangtze")
            r"\b(?!(?:and|the|of|in|to|is|with|for|by|on|or|as|at|from)[A-Z])[a-z]{2,}[a-z\d]*[A-Z][A-Za-z\d]*\b",
            r"(?<![\w-])--[a-z][\w-]+(?:=\S+)?",  # --option
        ),
    ),
    (
        "quantity",
        r"\d",
        (
            r"\b\d+(?:\.\d+){2,}(?:-[A-Za-z\d.]*[A-Za-z\d])?\b|\bv\d+(?:\.\d+)+\b|\b0x[\dA-Fa-f]+\b",
            rf"(?<![\d.,])\d+(?:\.(?!\d{{3}}(?!\d))\d+)?\s?(?:{_UNITS})(?![\w/])",
        ),
    ),
    (
        "math",
        r"[\w)²³] ?[-+*/^=<>≤≥≠≈×÷−±·]=? ?[-(\wπθ]",
        (rf"(?<![\w.,$%:])(?:{_OPERAND} ?{_OPERATOR} ?){{1,40}}-?{_OPERAND}(?![\w%:])",),
    ),
    ("tag", "[#@]", (r"(?<![\w#&])#(?:[\dA-Fa-f]{6}\b|\p{L}\w+)|(?<![\w@.])@\w{2,}",)),
    (
        "emoji",
        r"[\p{Extended_Pictographic}\p{Regional_Indicator}]",
        (rf"(?:(?:\p{{Regional_Indicator}}{{2}}|{_PICTURE}(?:\u200d{_PICTURE})*)\s?)+(?<!\s)",),
    ),
    # looks like a placeholder of ours (protection.py)
    ("placeholder", r"[XΧХ]\d", (r"(?<![A-Za-z\d])(?:[XΧХ]\d{1,3})+(?![A-Za-z\d])",)),
)
PATTERNS = tuple(
    (kind, regex.compile(hint), regex.compile("|".join(patterns), regex.DOTALL))
    for kind, hint, patterns in _TABLE
)
# digits joined by one sign are a date, a score, a range or a phone number; letters by a slash or hyphen are words
NO_MATH = regex.compile(
    r"[\d.]+(?:[-/−][\d.]+)+|[A-Za-z](?:\s?[-/]\s?[A-Za-z])+|\d+\s?[-−/]\s?[A-Za-z]|[A-Za-z]\s?[-/−]\s?\d+"
)
