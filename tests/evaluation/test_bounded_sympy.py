"""What a computer algebra system does is stopped after so much work, the same wherever it runs."""

import sys
import threading

import pytest
from sympy import Integer, Rational, binomial, factorial, gamma

from evaluation.bounded_sympy import TooMuchWork, limited


def count(steps: int) -> int:
    return sum(map(same, range(steps)))


def same(number: int) -> int:
    return number


def test_a_function_within_its_limit_returns():
    assert limited(1000, count, 900) == sum(range(900))


def test_a_function_beyond_its_limit_is_stopped_at_the_same_place_each_time():
    places = []
    for _ in range(2):
        seen: list[int] = []
        with pytest.raises(TooMuchWork, match="1,000 calls"):
            limited(1000, lambda seen=seen: [same(seen.append(i) or i) for i in range(10**9)])
        places.append(len(seen))
    assert places[0] == places[1] > 900


def test_who_catches_exceptions_is_stopped_too():
    def stubborn() -> None:
        while True:
            try:
                same(1)
            except Exception:
                continue

    with pytest.raises(TooMuchWork):
        limited(1000, stubborn)


def test_a_stop_in_a_discarded_generator_is_not_lost():
    def tidy():
        try:
            yield 1
        finally:
            pass

    def discard() -> None:
        while True:
            next(tidy())

    with pytest.raises(TooMuchWork):
        limited(1000, discard)


def test_it_works_in_threads_and_does_not_stop_others():
    results: list[object] = []

    def work() -> None:
        try:
            results.append(limited(1000, count, 10**9))
        except TooMuchWork:
            results.append("stopped")

    thread = threading.Thread(target=work)
    thread.start()
    assert count(20_000) == sum(range(20_000))
    thread.join()
    assert results == ["stopped"]


def test_the_trace_function_of_before_is_restored():
    def before(frame, event, argument):
        return None

    outside = sys.gettrace()  # of coverage, say
    sys.settrace(before)
    try:
        with pytest.raises(TooMuchWork):
            limited(100, count, 10**9)
        assert sys.gettrace() is before
    finally:
        sys.settrace(outside)


@pytest.mark.parametrize(
    "compute",
    [
        lambda: Integer(9) ** Integer(9) ** Integer(9),
        lambda: Integer(2) ** -Integer(10**9),
        lambda: Rational(1, 3) ** Integer(10**9),
        lambda: factorial(10**8),
        lambda: binomial(10**8, 5 * 10**7),
        lambda: gamma(10**8),
    ],
)
def test_integers_do_not_grow_without_bound(compute):
    with pytest.raises(TooMuchWork):
        limited(10**6, compute)


def test_small_powers_and_factorials_are_computed():
    assert limited(10**5, lambda: Integer(2) ** 1000 + factorial(20)) == 2**1000 + 2432902008176640000
    assert limited(10**5, lambda: Integer(-1) ** Integer(10**12)) == 1
