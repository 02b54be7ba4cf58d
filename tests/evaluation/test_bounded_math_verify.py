"""math-verify's verdicts, without its alarms: parity on what is usual, an early end on what is hostile."""

import logging
import time

import pytest
from math_verify import parse, verify

from evaluation.bounded_math_verify import same, searchable, verified

USUAL = [
    "The answer is 50",
    r"$\frac{1}{2}$",
    r"\boxed{2\sqrt{3}}",
    "nothing",
    "x = 3 or x = 5",
    "1,000",
    "50%",
    r"$x^2+1$",
]

HOSTILE = [
    "$9^{9^{9^9}}$",
    "the answer is 9^9^9^9",
    "$2^{1000000000}$",
    "$100000000!$",
    "$((9!)!)!$",
    r"$\binom{100000000}{50000000}$",
    r"$\Gamma(1000000000)$",
    r"$\log_{2}(3^{100000000})$",
    r"$\sum_{n=1}^{10^{9}} \frac{1}{n^n}$",
    "$(x+y+z+w)^{200}$",
    "$" + "(" * 2000 + "1" + ")" * 2000 + "$",
    "$" + r"\frac{1}{" * 300 + "2" + "}" * 300 + "$",
    r"\boxed{" * 2000,
    r"\(" * 5000,
    r"\(\boxed{a} " * 1000,
    r"Answer:\[" * 1200,
    "=" + "1+" * 5000 + "x",
    "answer =" + "1+" * 5000 + "x",
    "$" + "x" * 2000 + "$",
    r"$\frac{1}{0}$",
    "9" * 10_000,
    "$" * 10_001,
    "\x00\ud800",
]


@pytest.mark.parametrize("response", USUAL)
@pytest.mark.parametrize("truth", ["50", r"$\frac{1}{2}$", r"$2\sqrt{3}$", "1000", "$1+x^2$"])
def test_usual_responses_are_judged_as_by_math_verify_alone(response, truth):
    assert verified(response, truth).correct is bool(verify(parse(response), parse(truth)))


@pytest.mark.parametrize("response", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_responses_end_soon_and_do_not_raise(response):
    verified("1", "140°")  # what is done once is not counted
    begin = time.thread_time()
    assert not verified(response, "140°").correct
    assert time.thread_time() - begin < 1


@pytest.mark.parametrize("truth", ["$9^{9^{9^9}}$", "", "$" * 1000])
def test_a_hostile_right_answer_does_not_raise(truth):
    assert not verified("The answer is 3", truth).correct


def test_only_the_end_of_a_long_response_is_read():
    assert verified("It is 7. " * 5000 + "So the result is 50", "50").correct
    assert searchable("a" * 20_000) == "a" * 10_000
    assert searchable("So it is 5. " * 100) == "So it is 5. " * 100
    assert 0 < len(searchable(r"\[" * 5000)) < 5000


@pytest.mark.parametrize(
    ("gold", "answer", "equal"),
    [
        (r"(1,2)\cup(3,4)", r"(1, 2) \cup (3, 4)", True),
        (r"(1,2)\cup(3,4)", r"(1,2)\cup(3,5)", False),
        (r"\mathbb{R}\setminus\{0\}", r"(-\infty,0)\cup(0,\infty)", True),
        (r"\int_0^1 2x dx", "1", True),
        (r"\sum_{n=1}^{3} n", "6", True),
        ("ABC", "BAC", False),
        ("3 sides and 2 corners", "2 corners and 3 sides", False),
    ],
)
def test_short_formulas_are_compared_and_words_are_not(gold, answer, equal):
    assert same(gold, answer) is same(answer, gold) is equal


@pytest.mark.parametrize(
    "hostile", [r"\log_{\tan x}(\sin x)^{9}", "9^{9^{9^9}}", r"\sum_{n=1}^{9^9} \frac{1}{n^n}", "9!!!!"]
)
def test_short_formulas_that_are_hostile_are_the_same_as_nothing_and_end_soon(hostile):
    same("$1^2$", "1")  # what is done once is not counted
    begin = time.thread_time()
    assert not same(hostile, r"\frac{1}{2}")
    assert time.thread_time() - begin < 1


def test_nothing_is_said_of_missing_timeouts(caplog):
    with caplog.at_level(logging.WARNING):
        verified("The answer is 50", "50")
    assert "Timeout" not in caplog.text
