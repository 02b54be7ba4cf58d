"""What sympy may be asked about a text that anybody may have written: bounded work, and values in floating point.

`9^{9^{9^9}}` or `((…((1))…))` keep sympy busy for hours. A timeout by `signal.alarm`, which math-verify has, works in
the main thread of Unix only, and makes a verdict depend on how busy the machine is. [`limited`] counts function calls
instead, and keeps integers small: the same on every machine, in any thread. [`values`] asks sympy for nothing.
"""

import cmath
import math
import sys
import zlib
from collections.abc import Callable
from functools import lru_cache
from inspect import CO_GENERATOR
from types import CodeType, FrameType
from typing import Any, TypeVar

import sympy
from sympy.core.function import AppliedUndef
from sympy.functions.combinatorial import factorials, numbers
from sympy.functions.special.gamma_functions import gamma

Result = TypeVar("Result")

MAX_BITS = 1 << 16  # of an integer power: about 20,000 digits
MAX_FACTORIAL = 2000
LINES_PER_CALL = 8
POINTS = 6
# These loop for long without calling anything, so that their lines are counted.
LOOPS = (factorials.__file__, numbers.__file__, "/ntheory/", "\\ntheory\\")

_loops: dict[CodeType, bool] = {}


class TooMuchWork(Exception):
    """The function was stopped, as it would have done more than it may."""


class _Stop(BaseException):
    """Passes through the `except Exception` of whoever is being stopped."""


def limited(calls: int, function: Callable[..., Result], *arguments: Any) -> Result:
    """The function's result; raises `TooMuchWork` once it has made so many calls of Python functions.

    An integer power of over 65,536 bits and a factorial of over 2,000 count as too much at once, because sympy
    computes them in one step. A million calls are about half a second.

    Args:
        calls (`int`): the limit.
        function (`Callable`): is called with `arguments`, in this thread.
    """
    done, limit = 0, calls * LINES_PER_CALL

    def trace_call(frame: FrameType, event: str, argument: object) -> Callable | None:
        nonlocal done
        done += LINES_PER_CALL
        code = frame.f_code
        if done > limit:
            if not code.co_flags & CO_GENERATOR or done > 2 * limit:
                raise _Stop
            # What is raised in a generator that is being discarded is lost, and tracing ends with it. So the function
            # that runs it is stopped at its next line; if there is none, as it runs on in C, the generator after all.
            caller = frame.f_back
            while caller and caller.f_code.co_flags & CO_GENERATOR:
                caller = caller.f_back
            if caller and caller.f_code is not limited.__code__:
                caller.f_trace = trace_line
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


def _large_power(self: sympy.Rational, expt: Any) -> bool:
    bits = max(self.p.bit_length(), self.q.bit_length())
    return bits > 1 and isinstance(expt, sympy.Rational) and bits * (abs(expt.p) // expt.q) > MAX_BITS


def _large_factorial(n: Any = None, arg: Any = None, **_: Any) -> bool:
    argument = arg if n is None else n
    return isinstance(argument, (int, sympy.Rational)) and abs(argument) > MAX_FACTORIAL


CHECKS: dict[CodeType, Callable[..., bool]] = {
    sympy.Integer._eval_power.__code__: _large_power,
    sympy.Rational._eval_power.__code__: _large_power,
    factorials.factorial.eval.__func__.__code__: _large_factorial,
    factorials.factorial2.eval.__func__.__code__: _large_factorial,
    factorials.subfactorial.eval.__func__.__code__: _large_factorial,
    factorials.binomial.eval.__func__.__code__: _large_factorial,
    gamma.eval.__func__.__code__: _large_factorial,
}


@lru_cache(maxsize=4096)
def values(expression: sympy.Basic, pi_is_number: bool = True) -> tuple[complex, ...] | None:
    """Values at six points of the complex plane, or `None` where floating-point numbers have none.

    Expressions that are equal have equal values, and hardly any others. Sums, integrals, limits and relations have
    none, nor has what overflows.

    Args:
        expression: Whatever sympy's parser has made; nothing in it is evaluated by sympy.
        pi_is_number (`bool`): `\\pi`, a symbol to sympy's parser, stands for π and not for any number.
    """
    try:
        return tuple(
            _value(expression, lambda name, index=index: _point(name, index, pi_is_number)) for index in range(POINTS)
        )
    except (ArithmeticError, ValueError, TypeError, AttributeError, RecursionError):
        return None


def _point(name: str, index: int, pi_is_number: bool) -> complex:
    """A point of the complex plane that depends on the name alone, at 0.7 to 1.4 from zero, in any direction."""
    if pi_is_number and name == "pi":
        return complex(math.pi)
    draw = zlib.crc32(f"{index} {name}".encode())
    return cmath.rect(0.7 + (draw & 0xFFFF) / 0x17FFF, (draw >> 16) / 0x10000 * 2 * math.pi)


FUNCTIONS: dict[type, Callable[..., complex]] = {
    getattr(sympy, name): getattr(cmath, name)
    for name in "sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh exp log".split()
} | {
    sympy.cot: lambda x: 1 / cmath.tan(x),
    sympy.sec: lambda x: 1 / cmath.cos(x),
    sympy.csc: lambda x: 1 / cmath.sin(x),
    sympy.Abs: lambda x: complex(abs(x)),
    sympy.conjugate: lambda x: x.conjugate(),
    sympy.floor: lambda x: complex(math.floor(_real(x))),
    sympy.ceiling: lambda x: complex(math.ceil(_real(x))),
    sympy.factorial: lambda x: complex(math.gamma(_real(x) + 1)),
    sympy.binomial: lambda n, k: complex(math.comb(_whole(n), _whole(k))),
}


def _value(expression: sympy.Basic, point: Callable[[str], complex]) -> complex:
    if isinstance(expression, sympy.Symbol):
        return point(expression.name)
    if isinstance(expression, (sympy.Number, sympy.NumberSymbol)):
        result = complex(expression)
    elif expression is sympy.I:
        result = 1j
    else:
        arguments = [_value(argument, point) for argument in expression.args]
        if isinstance(expression, sympy.Add):
            result = sum(arguments)
        elif isinstance(expression, sympy.Mul):
            result = math.prod(arguments)
        elif isinstance(expression, sympy.Pow):
            result = arguments[0] ** arguments[1]
        elif isinstance(expression, AppliedUndef):
            # Any function will do that is not by chance a simple one: equal arguments give equal values.
            name = expression.func.__name__
            result = sum(point(f"{name} {place}") * argument**2 + argument for place, argument in enumerate(arguments))
        else:
            result = FUNCTIONS[type(expression)](*arguments) if type(expression) in FUNCTIONS else _no_value()
    if not cmath.isfinite(result):
        raise OverflowError
    return result


def _no_value() -> complex:
    raise ValueError("a kind of expression that is not computed: sums, integrals, limits, relations")


def _real(value: complex) -> float:
    if abs(value.imag) > 1e-12:
        raise ValueError("real numbers only")
    return value.real


def _whole(value: complex) -> int:
    number = _real(value)
    if number != int(number) or not 0 <= number <= 1000:
        raise ValueError("small whole numbers only")
    return int(number)
