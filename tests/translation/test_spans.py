"""What is protected, and what is language although it looks alike."""

from __future__ import annotations

from itertools import pairwise

import pytest
from any_text import ANY_TEXT
from hypothesis import given

from pipelines.translation.segments import BLOCK_MARK, MARK
from pipelines.translation.spans import find_spans, mask


def spans(text: str) -> list[tuple[str, str]]:
    return [(span.kind, text[span.start : span.end]) for span in find_spans(text)]


@given(ANY_TEXT)
def test_spans_are_in_order_and_every_mark_is_one(text: str) -> None:
    found = find_spans(text)
    assert all(0 <= a.start < a.end <= b.start for a, b in pairwise(found))
    assert all(span.end <= len(text) for span in found)
    masked = mask(text, found)
    assert masked.count(MARK) + masked.count(BLOCK_MARK) == len(found)


@pytest.mark.parametrize(
    "command",
    [
        "awk -F',' '{print $2}' cities.csv",
        "awk '{ sum += $3 } END { print sum }' sales.txt",
        "sed -i 's/old name/new name/g' notes.txt",
        "sed 's/ *$//' < in.txt > out.txt",
        "grep -E '^[0-9]+$' numbers.txt | sort -n | uniq -c",
        "ps aux | grep python | awk '{print $2}' | xargs kill -9",
        "cat users.json | jq '.[] | select(.age > 30) | .name'",
        'curl -X POST -H "Content-Type: application/json" -d \'{"name": "Ann"}\' https://example.org/users',
        'find . -name "*.log" -mtime +7 -delete',
        "find . -type f -exec rm {} \\;",
        "tar -xzvf archive.tar.gz",
        'for f in *.txt; do mv "$f" "${f%.txt}.md"; done',
        "chmod +x run.sh && ./run.sh",
        "export PATH=$PATH:/opt/bin",
    ],
)
@pytest.mark.parametrize("sentence", ["{}", "Use {} to get what you want.", "You can run this: {}"])
def test_shell_commands_are_code_wherever_they_stand(command: str, sentence: str) -> None:
    assert spans(sentence.replace("{}", command)) == [("code", command)]


@pytest.mark.parametrize(
    "text",
    [
        "Find the longest word, sort the rest - and head home.",
        'Find "the answer" in the text, then cut it.',
        "Sort -5 before 3, for a dog in the house does so while others make do.",
        "Cat and dog | bird and cow",
        "Make -- if you like -- a cake; kill no cat.",
    ],
)
def test_names_of_commands_are_words_too(text: str) -> None:
    assert not [found for kind, found in spans(text) if kind == "code"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Call `list.sort()` first.", [("code", "`list.sort()`")]),
        ("See https://example.com/a?b=1#c, please.", [("url", "https://example.com/a?b=1#c")]),
        ("It is on www.example.org.", [("url", "www.example.org")]),
        ("Buy it at example.com today.", [("url", "example.com")]),
        ("Write to ann.lee+x@example.co.uk!", [("email", "ann.lee+x@example.co.uk")]),
        ("Open /etc/hosts or ~/notes.txt.", [("path", "/etc/hosts"), ("path", "~/notes.txt")]),
        (r"It is in C:\Users\ann\file.doc now.", [("path", r"C:\Users\ann\file.doc")]),
        ("Read README.md first.", [("path", "README.md")]),
        ("{name}, {{city}} %s %(n)d", [("placeholder", p) for p in ("{name}", "{{city}}", "%s", "%(n)d")]),
        ("Dear [NAME], pay <amount> by ____.", [("placeholder", p) for p in ("[NAME]", "<amount>", "____")]),
        ("The <b>bold</b> word", [("placeholder", "<b>"), ("placeholder", "</b>")]),
        ("Solve $x^2 = 4$ now", [("latex", "$x^2 = 4$")]),
        (r"So \(a+b\) is \frac{1}{2} of it", [("latex", r"\(a+b\)"), ("latex", r"\frac{1}{2}")]),
        ("If 2x + 3 = 7 then x = 2.", [("math", "2x + 3 = 7"), ("math", "x = 2")]),
        ("So 3 x 4 + 5 = 17.", [("math", "3 x 4 + 5 = 17")]),
        ("The array [1, 2, 3] is sorted.", [("code", "[1, 2, 3]")]),
        ("Sort [“b”, “a”] now.", [("code", "[“b”, “a”]")]),
        ("SELECT name\nFROM towns\nWHERE land = 'Peru'", [("code", "SELECT name\nFROM towns\nWHERE land = 'Peru'")]),
        ('Send {"a": 1, "b": {"c": 2}} back.', [("code", '{"a": 1, "b": {"c": 2}}')]),
        ("Set max_length or maxLength, then call run(a, 1).",
         [("identifier", "max_length"), ("identifier", "maxLength"), ("identifier", "run(a, 1)")]),
        ("Use --verbose here.", [("identifier", "--verbose")]),
        ("It has 16 GB, 3.5 GHz and runs at 20 °C.", [("quantity", q) for q in ("16 GB", "3.5 GHz", "20 °C")]),
        ("Version 1.10.0-rc.1 on 10.0.4.17", [("quantity", "1.10.0-rc.1"), ("quantity", "10.0.4.17")]),
        ("#StaySafe says @ann, in #FF00AA", [("tag", "#StaySafe"), ("tag", "@ann"), ("tag", "#FF00AA")]),
        ("Great 😍👍🏽 and 🇬🇷", [("emoji", "😍👍🏽"), ("emoji", "🇬🇷")]),
        ("</s> <unk> eng_Latn <2fr>", [("control", c) for c in ("</s>", "<unk>", "eng_Latn", "<2fr>")]),
        ("<|user|> ▁x \ue000 \ud800", [("control", c) for c in ("<|user|>", "▁", "\ue000", "\ud800")]),
        ("Say a < b and c > d.", [("math", "a < b"), ("math", "c > d")]),
        ("Set X1 and X2.", [("placeholder", "X1"), ("placeholder", "X2")]),
        ("a{name}b", [("placeholder", "{name}")]),
    ],
)  # fmt: skip
def test_protected(text: str, expected: list[tuple[str, str]]) -> None:
    assert spans(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "He and/or she came on 12/25/2020 at 10:30.",
        "It cost $5 or $6.50, not $1,500.",
        "The 1,500 GB and 1.500 km/h could be anything.",
        "They lost 3-2 in 2010-2020, 50% of 5 miles.",
        "Dear [Your Name], (see note 1) item(s).",
        "A well-known e-mail. Use it, e.g. at 5 p.m.",
        "She bought an iPhone on eBay: it is great!",
        "The theYangtze is a typo.",
        "The cost is 5 - a lot.",
        "Print the form. Return it to class. Import taxes rose.",
        "If it rains, we stay:\nelse we go.",
        "Name, Age\nAnn, 7",
        "The teapot has a crooked spout,\nA chip beside the handle,\nA lid that will not go.",
        "1. Boil water;\n2. Add tea;\n3. Wait.",
        "Note: this is language.\nTotal: about ten.",
        "Acme™ and Citi® are names.",
        "I said to her (in the hall): wait!",
    ],
)
def test_language(text: str) -> None:
    assert spans(text) == []


@pytest.mark.parametrize(
    "code",
    [
        "```python\nx = 1\n\nprint(x)\n```",
        'def f(a):\n    """\n    Return the sum of all of them.\n    """\n    return a\n\nprint(f(1))  # prints 1',
        "#include <stdio.h>\nint main() {\n  return 0;\n}",
        "public class A {\n  // Say hello to all of you.\n  void run() { go(); }\n}",
        "SELECT name\nFROM users \nWHERE age > 3;",
        "<ul>\n  <li>One of them</li>\n</ul>",
        "name,age,city\nAnn,7,Rome\nBob,8,Oslo",
        '{"name": "Ann Lee", "likes": ["tea", "long walks"]}',
        "const a = [1];\na.forEach(b => console.log(b));",
        '#!/bin/bash\necho "Hello to all"',
        ".box { color: red; }",
        "x = 5\ny = x + 2",
        "for i in range(3):\n    print(i)",
    ],
)
def test_code_is_one_block_and_its_neighbours_are_language(code: str) -> None:
    assert [text for _, text in spans(code)] == [code]
    text = f"This is how it is done:\n\n{code}\n\nIt works like this. Try it."
    assert [part for _, part in spans(text)] == [code]
    assert all(span.block for span in find_spans(text))
