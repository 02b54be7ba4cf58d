"""The option that a response settles on is read, where vertices look like options, as other readers read it."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.answers import equal, read_choice

ANGLES = ["135°", "140°", "145°", "150°"]
NUMBERS = ["1", "2", "3", "4", "5"]
FRACTIONS = ["\\frac{3}{4}", "\\frac{4}{3}", "\\frac{3}{5}", "\\frac{4}{5}"]
ROOTS = ["√{3}", "2√{3}", "3", "6"]
ORDER = ["larger than", "equal to", "smaller than"]


@pytest.mark.parametrize(
    "response",
    [
        r"\boxed{C}",
        r"So \boxed{\text{C}}.",
        r"\boxed{c}",
        r"\boxed{C. 145^\circ}",
        r"The final answer is $\boxed{\text{(C) } 145^\circ}$",
        "Final Answer: The final answer is $\\boxed{C}$. I hope it is correct.",
        "Answer: C",
        "Answer:C",
        "ANSWER: c",
        "Ans: C",
        "Answer: $C$",
        "Answer: (c)",
        "**Answer:** (C)",
        "**Final Answer**: **C**",
        "**Answer:**\n\nC",
        "### Answer\nC",
        "the answer is option C",
        "The answer is C (145°).",
        "The answer is **C. 145°**.",
        "The answer is C, because A is 40.",
        "the answer to the question is C",
        "So the answer's C.",
        "Therefore, the answer should be C",
        "The correct choice is (C)",
        "Correct choice: (C) 145°",
        "Therefore, the correct option letter is C.",
        "The correct answer is option (C): 145°.",
        "Therefore, option C is selected.",
        "Hence, (C) is correct.",
        "Therefore C is the correct answer.",
        "I choose C.",
        "Option A is too small, option B is wrong. So C.",
        "I believe it's (C).",
        "My choice: C",
        "We are left with C.",
        "Thus ∠BOC = 145°, which corresponds to option C.",
        "Thus, C.",
        "option (C)",
        "The answer is 'C'",
        '{"answer": "C"}',
        "<|begin_of_box|>C<|end_of_box|>",
        "【答案】C",
        "The answer is C. Option A is incorrect because it is too small.",
        "<Thought process>: <<A is the centre>> <Answer>: <<C>>",
        "<answer>C</answer>",
        "<answer>(C) 145°</answer>",
        "<think>A is 3, so the answer is A</think>\n<answer> c </answer>",
        "答案：C",
        "答案：Ｃ",
        "故选C",
        "所以∠BOC=145°，故选：C",
        "选 C。",
        "因此答案为（Ｃ）",
        "正确答案是 C",
        "C选项正确。",
        "A选项错误，B选项错误，C选项正确",
        "A is the centre.\nC",
        "A is the centre.\n(C)",
        "A is the centre.\nC.",
        "A is the centre.\nC. 145°",
        "A is the centre.\n**(C) 145°**",
        "C\nBecause A is the centre",
        "C. 145°\n\nThe angle A is 110°.",
        "C",
        "c",
        "(C)",
    ],
)
def test_a_letter_is_read_where_the_response_says_that_it_is_the_answer(response):
    assert read_choice(response, ANGLES) == "C"
    assert read_choice(response, [""] * 4) == read_choice(response, []) == "C"


@pytest.mark.parametrize(
    ("response", "choices", "letter"),
    [
        ("the answer is 145°", ANGLES, "C"),
        (r"\boxed{145}", ANGLES, "C"),
        (r"$\boxed{145^\circ}$", ANGLES, "C"),
        ("<answer>145</answer>", ANGLES, "C"),
        ("Thus, angle BOC is 145 degrees.", ANGLES, "C"),
        ("所以∠BOC＝145°。", ANGLES, "C"),
        ("the answer is angle A = 145°", ANGLES, "C"),
        ("Answer: ABC is 145°", ANGLES, "C"),
        ("BC = 4/3", FRACTIONS, "B"),
        (r"the answer is \dfrac{4}{3}.", FRACTIONS, "B"),
        ("So the length is 2√3 cm.", ROOTS, "B"),
        ("AB = 5m", ["4m", "5m", "6m", "10m"], "B"),
        ("AB is 10 because CD is 5.", ["5", "10", "15", "20"], "B"),
        ("We get ∠A = 40°, ∠B = 60°, ∠C = 80°.", ["10°", "80°", "60°", "100°"], "B"),
        ("f(2) is larger than f(5).", ORDER, "A"),
        ("equal to", ORDER, "B"),
        ("It has been flipped.", ["slide", "flip", "turn"], "B"),
        ("Yes, it has a centre.", ["Yes", "No"], "A"),
        ("The function is not even.", ["Yes", "No"], "B"),
        ("The function is even.", ["Yes", "No"], "A"),
        ("DE = √119/2, which is 5.454.", ["6.5", "6", "5.5", "\\frac{√{119}}{2}"], "D"),
    ],
)
def test_the_text_or_value_of_an_option_names_it(response, choices, letter):
    assert read_choice(response, choices) == letter


@pytest.mark.parametrize(
    "response",
    [
        "In triangle ABC, A is the top vertex and point C lies on AB.",
        "A triangle has three sides.",
        "Angle A = 80, so point C is on the circle.",
        "The answer is A triangle with sides 3.",
        "The midpoint is C.",
        "A = 80",
        "Is the answer B?",
        "I",
    ],
)
def test_vertices_and_articles_are_no_options(response):
    assert read_choice(response, ANGLES) is None


@pytest.mark.parametrize(
    ("response", "letter"),
    [
        ("The answer is A? No wait. The answer is B.", "B"),
        (r"\boxed{A} hmm. \boxed{D}", "D"),
        (r"\boxed{145} or \boxed{150}, so finally \boxed{B}", "B"),
        ("The answer is A. Let me check. That was wrong, so the correct option is D.", "D"),
        ("I would say B is closest but the correct answer is: **D**", "D"),
        ("Option A would need 135°, but that is wrong. Option B is wrong too. The correct option is C.", "C"),
        ("AC = 140°, B = 150°\nTherefore the answer is B.", "B"),
        ("Therefore, the answer is option C.\nAnswer:B", "B"),
        ("The correct answer is C.\n\nLet me know if you have a question about A.", "C"),
        ("It isn't possible to be sure. However, the correct option letter would be C) 145°.", "C"),
    ],
)
def test_the_last_decisive_statement_wins(response, letter):
    assert read_choice(response, ANGLES) == letter


@pytest.mark.parametrize(
    ("response", "letter"),
    [
        ("The correct option letter is B. Angle A is 40°, so that the answer is 145°.", "B"),
        ("First I thought the answer is B, but the answer is 145°.", "C"),
        ("Is the answer B? We find 180 - 35 = 145, so the answer is 145°.", "C"),
        ("The answer is B. Wait: the answer is 145°.", "C"),
        (r"The answer is B. Hence \boxed{145}", "C"),
        ("The correct option is B. The answer is (C) 145°.", "C"),
    ],
)
def test_a_letter_counts_more_than_a_value_after_it_unless_taken_back(response, letter):
    assert read_choice(response, ANGLES) == letter


def test_a_coordinate_names_the_only_point_that_has_it():
    points = ["(0, 0)", "(-1, 0)", "(2, 0)"]
    assert read_choice("The centre of symmetry is at x = -1.", points) == "B"
    for response in ("It is at y = 0.", "It is at x = 5.", "Its x = 2 and its y = 3."):
        assert read_choice(response, points) is None


@pytest.mark.parametrize(
    ("response", "letter"),
    [
        ("Choices: A:135° B:140° C:145° D:150°. I do not know.", None),
        ("Choices:\n(A) 135°\n(B) 140°\n(C) 145°\n(D) 150°", None),
        ("Choices:\n(A) 135°\n(B) 140°\n(C) 145°\n(D) 150°\nAnswer: B", "B"),
        ("The options are A) 135°, B) 140°, C) 145° and D) 150°. The answer is 145°.", "C"),
    ],
)
def test_a_list_of_all_options_is_no_answer(response, letter):
    assert read_choice(response, ANGLES) == letter


@pytest.mark.parametrize("response", ["The answer is A and B", "Answer: A/B", "The answer must be B or C", "B, C"])
def test_several_letters_are_no_answer(response):
    assert read_choice(response, ANGLES) is None


def test_letters_reach_as_far_as_the_options():
    assert read_choice("The answer is E.", NUMBERS) == "E"
    assert read_choice("The answer is E.", ANGLES) is None
    assert read_choice(r"\boxed{F}", NUMBERS) is None
    assert read_choice("Answer: G", []) == "G"


@pytest.mark.parametrize(
    "response",
    [
        "The answer cannot be determined.",
        "N/A",
        "I'm sorry, but I can't see the image.",
        "So ∠BOC = 145°. However, none of the options match. There might be a mistake in the question.",
        "Without the figure, it's impossible to provide a solution.",
        "The answer is B. Wait: angle A is not given, so the answer cannot be determined.",
        "",
        "   ",
    ],
)
def test_a_refusal_settles_on_nothing(response):
    assert read_choice(response, ANGLES) is None


def test_a_refusal_that_is_an_option_is_that_option():
    assert read_choice("It cannot be determined.", ["1", "2", "3", "cannot be determined"]) == "D"
    assert read_choice("无法确定", ["1", "2", "3", "不能确定"]) == "D"
    assert read_choice("Answer: None of the above", ["1", "2", "None of the above"]) == "C"


def test_only_the_end_of_a_long_response_is_read():
    filler = "Angle A is 40 and B is on AC. " * 400
    assert read_choice(filler + "The answer is B.", ANGLES) == "B"
    assert read_choice("The answer is B." + filler, ANGLES) is None


@settings(max_examples=200, deadline=None)
@given(st.sampled_from("ABCD"), st.sampled_from(["Answer: {}", "\\boxed{{{}}}", "the answer is ({})", "故选{}"]))
def test_what_stands_before_the_answer_does_not_matter(letter, wording):
    before = "In triangle ABC, point D is on AC. Is the answer A? Angle B is 135° and A is 140°.\n"
    assert read_choice(before + wording.format(letter), ANGLES) == letter


def named_option(extraction: str, choices: list[str]) -> str | None:
    """The option that a recorded extraction names; `None` where it names none, such as "N/A"."""
    letter = re.match(r"\(([A-Z])\)", extraction) or re.fullmatch("([A-Z])", extraction)
    if letter and ord(letter[1]) - ord("A") < len(choices):
        return letter[1]
    places = [place for place, choice in enumerate(choices) if equal(choice, extraction)]
    return "ABCDEFGH"[places[0]] if len(places) == 1 else None


def multiple_choice(real_data: Path) -> list[tuple[str | None, str | None]]:
    """The option read and the option recorded, for MathVista's real responses with an extraction."""
    records = json.loads((real_data / "mathvista/testmini_scoring_fields_1000.json").read_text(encoding="utf-8"))
    pairs = []
    for model in ("gpt4_2shot_solution", "llavar"):
        outputs = json.loads((real_data / f"mathvista/outputs/{model}.json").read_text(encoding="utf-8"))
        for pid, output in outputs.items():
            choices, extraction = records[pid]["choices"], str(output["extraction"]).strip()
            if records[pid]["question_type"] == "multi_choice" and "response" in output and extraction:
                pairs.append((read_choice(output["response"], choices), named_option(extraction, choices)))
    return pairs


def geoqa(real_data: Path) -> list[tuple[str | None, str | None]]:
    """The option read and the official choice, for G-LLaVA's real responses."""
    pairs = []
    for line in (real_data / "geoqa_gllava/responses.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        choices = [choice[2:] for choice in record["prompt"].split("Choices:\n")[1].split("\n")]
        pairs.append((read_choice(record["text"], choices), record["official_choice"]))
    return pairs


def share(pairs: list[tuple[str | None, str | None]]) -> float:
    return sum(read == recorded for read, recorded in pairs) / len(pairs)


def test_readings_agree_with_recorded_ones_on_real_responses(real_data):
    mathvista, gllava = multiple_choice(real_data), geoqa(real_data)
    assert len(mathvista) == 498 and len(gllava) == 377
    assert share(mathvista) >= 0.92  # with what has no option in the response, nor in the extraction
    named = [(read, recorded) for read, recorded in mathvista if recorded]
    assert share(named) >= 0.90  # GPT's extraction guesses an option for 31 of 355 responses that state none
    assert share(named + gllava) >= 0.94
    assert share(gllava) == 1
    assert share([(read, recorded) for read, recorded in named if read]) >= 0.99
