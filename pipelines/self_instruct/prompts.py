"""The three questions of self-instruct (arXiv 2212.10560, section 3.1), for models that chat.

The steps are the paper's; the words and the examples were written for this project. Texts of seeds and of the generator
stand in them as data: one line each, so that a text cannot begin a list of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

_LIST = """\
Here is a list of tasks that people have given to an assistant who can read and write, and nothing else. The tasks
differ from one another in what is to be done, in subject and in form; some are questions, some name the text they are
about.

Continue the list up to number {last}. Write one new task after each number, in English, in a line of its own, and write
nothing else.

{tasks}
{next}."""

_CLASSIFICATION = """\
A task is a classification if its answer is one of a few labels that are known beforehand. Say for the last task whether
it is one: answer Yes or No.

Task: Say whether the guest who wrote this review was content.
Answer: Yes

Task: Write a letter to the neighbours about the new cat.
Answer: No

Task: Which of these four animals can fly?
Answer: Yes

Task: Give the fraction of these two numbers.
Answer: No

Task: Is the tone of this message polite or rude?
Answer: Yes

Task: Shorten this paragraph to a single sentence.
Answer: No

Task: Assign the complaint to the kitchen, the reception or the garage.
Answer: Yes

Task: Suggest a route for a walk through an old town.
Answer: No

Task: {instruction}
Answer:"""

_INPUT_FIRST = """\
Write examples for the last task: what it is given as input, and the right output. If the task says everything by
itself, write a single example without input. Otherwise write up to {most} examples that differ, each with its number.
Inputs and outputs are complete texts, without gaps to be filled in later.

Task: Turn this remark into a question.
Example 1
Input: The shop closes at six.
Output: Does the shop close at six?
Example 2
Input: Nobody has seen the keys.
Output: Has anybody seen the keys?

Task: Recommend something to read on a long train journey.
Example 1
Output: A collection of short stories suits a long train journey, for you can stop after each one.

Task: Add up the working hours of this week.
Example 1
Input: Monday 7 hours, Tuesday 8 hours, Wednesday 4 hours
Output: 19 hours

Task: Explain why bread rises.
Example 1
Output: Yeast eats the sugar in the dough and gives off gas. The gas is caught in the dough and lifts it.

Task: {instruction}
"""

_OUTPUT_FIRST = """\
The last task is a classification. Write examples for it: first a label that can be the answer, then an input for which
this label is right. Take different labels, each at most once, up to {most} in all. If the task says everything by
itself, write one label and no input.

Task: Say whether the guest who wrote this review was content.
Class label: content
Input: The bed was soft, the breakfast was late and wonderful, and we shall come again.
Class label: not content
Input: We asked for a quiet room and were given one above the kitchen.

Task: Is it dangerous to eat raw rhubarb leaves?
Class label: yes

Task: Which of the three departments should answer this letter: sales, repairs or accounts?
Class label: accounts
Input: I was charged twice for the same lamp in March.
Class label: sales
Input: Do you also have this lamp in green?

Task: {instruction}
"""


def list_prompt(shown: Sequence[str], last: int) -> str:
    """Asks for new tasks after those that are shown, up to the number `last`."""
    tasks = "\n".join(f"{number}. {one_line(text)}" for number, text in enumerate(shown, 1))
    return _LIST.format(last=last, tasks=tasks, next=len(shown) + 1)


def classification_prompt(instruction: str) -> str:
    """Asks whether a task is a classification."""
    return _CLASSIFICATION.format(instruction=one_line(instruction))


def instances_prompt(instruction: str, classification: bool, most: int) -> str:
    """Asks for inputs and outputs: the output first for a classification, so that all labels come to their right."""
    form = _OUTPUT_FIRST if classification else _INPUT_FIRST
    return form.format(instruction=one_line(instruction), most=most)


def one_line(text: str) -> str:
    return " ".join(text.split()).rstrip(":")
