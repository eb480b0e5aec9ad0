r"""What a shell command looks like inside a line: `grep -rn "x" src | wc -l`, and the words around it are language.

Most names of commands are English words, too ("find", "sort", "cut"), so a command begins with a name and something
that no sentence has: an option, a quoted program, a pipe into another command. It goes on as far as its arguments look
like arguments; a bare word is one where a further argument, an operator or the end of the line follows.
"""

_NAMES = (
    "g?awk|sed|[efz]?grep|jq|curl|wget|find|xargs|tar|chmod|chown|ssh|scp|rsync|ls|cut|sort|uniq|head|tail|wc|cat|tr|tee|"
    "ps|kill|du|df|mkdir|rmdir|rm|cp|mv|ln|touch|echo|python3?|pip3?|npm|git|docker|kubectl|systemctl|apt(?:-get)?|yum|"
    "brew|make|gcc|java|node|openssl|ping|diff|zip|unzip|gzip|ffmpeg"
)
HINT = rf"\b(?:{_NAMES}|export|for|while)\s"
_QUOTED = r"(?:'[^'\n]{0,300}'|\"[^\"\n]{0,300}\")"
_OPTION = rf"--?[A-Za-z\d](?:[\w:,=.%+/$*-]{{0,60}}(?<![.,]))?(?:{_QUOTED})?"
# a token with a sign of paths, variables, patterns or addresses, or a number
_SIGNED = (
    r"(?:\{\}|\\;|\.(?=\s|$)|[\w$*/.~@%:+,=^\[\]{}-]{0,80}[$*/~@=^+\d{][\w$*/.~@%:+,=^\[\]{}-]{0,80}(?<![.,:])"
    r"|[\w-]{1,80}(?:\.\w{1,10}){1,4}\b|\.(?:/[\w.-]+)+)"
)
_OPERATOR = r"(?:\|\|?|&&|;|2?>&?1?>?|<)"
_ARGUMENT = rf"(?:{_OPTION}|{_QUOTED}|{_SIGNED}|[\w-]{{1,40}}(?=\s+(?:-\w|['\"{{$/~*]|{_OPERATOR})|\s*$))"
_ARGUMENTS = rf"(?:\s{_ARGUMENT}){{0,30}}"
_BEGIN = (
    rf"(?:sudo )?(?:{_NAMES})"
    rf"(?:(?=\s-{{1,2}}[A-Za-z\d])|(?<=awk|sed|grep|jq|echo)(?=\s['\"])|(?<=find)(?=\s[./~])|(?<=chmod)(?=\s[+\d])"
    rf"|(?=(?:\s[\w./*~-]{{1,60}}){{0,3}}\s?\|\s?(?:{_NAMES})\b))"
)
PATTERNS = (
    rf"(?<![\w./-]){_BEGIN}{_ARGUMENTS}(?:\s?{_OPERATOR}\s?[\w./$\"'~-]{{1,80}}{_ARGUMENTS}){{0,10}}",
    r"(?<![\w./-])export [A-Za-z_]\w{0,60}=\S{1,200}(?<![.,])",
    r"(?<![\w./-])(?:for \w{1,40} in [^;\n]{1,200}|while [^;\n]{1,200}); ?do [^\n]{1,300}?; ?done\b",
)
