"""A limit on how much a computer algebra system may do for a text that somebody else wrote.

`9^{9^{9^9}}` or `((…((1))…))` keep sympy busy for hours. A timeout by `signal.alarm`, which math-verify has, works in
the main thread of Unix only, and makes a verdict depend on how busy the machine is. Function calls are counted here
instead, and integers are kept small: the same on every machine, in any thread.
"""

import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, TypeVar

from sympy import Integer, Rational
from sympy.functions.combinatorial import factorials, numbers
from sympy.functions.special.gamma_functions import gamma

Result = TypeVar("Result")

MAX_BITS = 1 << 16  # of an integer power: about 20,000 digits
MAX_FACTORIAL = 2000
LINES_PER_CALL = 8
# These loop for long without calling anything, so that their lines are counted.
LOOPS = (factorials.__file__, numbers.__file__, "/ntheory/", "\\ntheory\\")

_loops: dict[CodeType, bool] = {}


class TooMuchWork(Exception):
    """The function was stopped, as it would have done more than it may."""


class _Stop(BaseException):
    """Passes through the `except Exception` of whoever is being stopped."""


def limited(calls: int, function: Callable[..., Result], *arguments: Any) -> Result:
    """The function's result; raises `TooMuchWork` once it has made so many calls of Python functions.

    An integer power of over 65,536 bits and a factorial of over 2,000 count as too much at once, because sympy computes
    them in one step. A million calls are about half a second.

    Args:
        calls (`int`): the limit.
        function (`Callable`): is called with `arguments`, in this thread.
    """
    done, limit = 0, calls * LINES_PER_CALL

    def trace_call(frame: FrameType, event: str, argument: object) -> Callable | None:
        nonlocal done
        done += LINES_PER_CALL
        if done > limit:
            raise _Stop
        code = frame.f_code
        loops = _loops.get(code)  # this runs at every call: a look-up in place of a comparison of names
        if loops is None:
            loops = _loops[code] = any(part in code.co_filename for part in LOOPS)
        if code in CHECKS and CHECKS[code](**_arguments(frame)):
            raise _Stop
        return trace_line if loops else None

    def trace_line(frame: FrameType, event: str, argument: object) -> Callable | None:
        nonlocal done
        done += 1
        if done > limit:
            raise _Stop
        return trace_line

    before = sys.gettrace()
    sys.settrace(trace_call)
    try:
        return function(*arguments)
    except _Stop:
        raise TooMuchWork(f"more than {calls:,} calls, or too large an integer") from None
    finally:
        sys.settrace(before)


def _arguments(frame: FrameType) -> dict[str, Any]:
    code = frame.f_code
    return {name: frame.f_locals[name] for name in code.co_varnames[: code.co_argcount]}


def _large_power(self: Rational, expt: Any) -> bool:
    bits = max(self.p.bit_length(), self.q.bit_length())
    return bits > 1 and isinstance(expt, Rational) and bits * (abs(expt.p) // expt.q) > MAX_BITS


def _large_factorial(n: Any = None, arg: Any = None, **_: Any) -> bool:
    argument = arg if n is None else n
    return isinstance(argument, (int, Rational)) and abs(argument) > MAX_FACTORIAL


CHECKS: dict[CodeType, Callable[..., bool]] = {
    Integer._eval_power.__code__: _large_power,
    Rational._eval_power.__code__: _large_power,
    factorials.factorial.eval.__func__.__code__: _large_factorial,
    factorials.factorial2.eval.__func__.__code__: _large_factorial,
    factorials.subfactorial.eval.__func__.__code__: _large_factorial,
    factorials.binomial.eval.__func__.__code__: _large_factorial,
    gamma.eval.__func__.__code__: _large_factorial,
}
