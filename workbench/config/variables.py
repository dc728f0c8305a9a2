"""`$NAME` from the parameters, then integer arithmetic: what stands between a value's text and what its key reads.

A name is the longest run of letters, digits and underscores after the `$`, so `$SIZE2` never means `$SIZE` and a 2.
The replacement is textual and happens once: with A=1+2, `$A*3` is 1+2*3, and a `$` inside a parameter is kept.
Arithmetic is for integers: + - * / and parentheses with the usual precedence. A division must come out even; floats
such as 1e-5 stand alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from workbench.errors import Problems, WorkbenchError

Params = Mapping[str, Any] | str | None

NAME = re.compile(r"\$([A-Za-z_]\w*)", re.ASCII)
NUMBER = re.compile(r"[-+]?(\d+\.\d*|\.\d+|\d+(?=[eE])|inf|nan)([eE][-+]?\d+)?", re.ASCII)
TERM = re.compile(r"\d+|[-+*/()]", re.ASCII)
LIMIT = 2**63 - 1
DEPTH = 50


def parameters(params: Params) -> dict[str, str]:
    """Parameters as texts, from a dict (lists become comma lists) or an extend_param string `A=1 B=480,640`.

    Raises WorkbenchErrors for words of the string without `=` and for names that no `$NAME` could mean.
    """
    problems = Problems()
    if isinstance(params, str):
        pairs = [word.partition("=") for word in params.split()]
        for word, equals, _ in pairs:
            if not equals:
                problems.error(f"extend_param: expected NAME=VALUE; got '{word}'", note="values hold no blanks")
        params = {name: value for name, equals, value in pairs if equals}
    for name in params or {}:
        if not NAME.fullmatch(f"${name}"):
            problems.error(f"parameter '{name}': expected a name of letters, digits and underscores")
    problems.raise_errors()
    return {name: _text(value) for name, value in (params or {}).items()}


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(_text, value))
    return str(int(value)) if isinstance(value, bool) else str(value)


def substitute(text: str, params: Mapping[str, str]) -> str:
    """The text with every `$NAME` that the parameters hold replaced."""
    return NAME.sub(lambda m: params.get(m[1], m[0]), text) if "$" in text else text


def arithmetic(text: str) -> str:
    """A numeric value with its integer arithmetic done, item by item of a comma list; raises WorkbenchError."""
    if text.isdigit() and len(text) < 10 and text.isascii():
        return text
    return ",".join(item if NUMBER.fullmatch(item) else str(evaluate(item)) for item in _items(text))


def _items(text: str) -> list[str]:
    return [item for item in (item.strip() for item in text.split(",")) if item]


def evaluate(text: str) -> int:
    """The value of an integer expression; raises WorkbenchError where it is none, or is not a whole number."""
    return _Expression(text).value()


class _Expression:
    """Recursive descent over sum = product {+- product}, product = factor {*/ factor}, factor = [-+] n | (sum)."""

    def __init__(self, text: str) -> None:
        self.terms = TERM.findall(text)
        self.next = 0
        self.depth = 0
        if "".join(self.terms) != re.sub(r"\s", "", text):
            self.fail("neither a number nor integer arithmetic")

    def fail(self, problem: str) -> None:
        raise WorkbenchError(problem, note="integer arithmetic is + - * / and parentheses")

    def value(self) -> int:
        result = self.sum()
        if self.next < len(self.terms):
            self.fail(f"expected an operator before '{self.terms[self.next]}'")
        return result

    def peek(self) -> str:
        return self.terms[self.next] if self.next < len(self.terms) else ""

    def take(self) -> str:
        self.next += 1
        return self.terms[self.next - 1]

    def bounded(self, number: int) -> int:
        if abs(number) > LIMIT:
            self.fail("the result does not fit into 64 bits")
        return number

    def sum(self) -> int:
        left = self.product()
        while self.peek() in ("+", "-"):
            left = self.bounded(left + self.product() if self.take() == "+" else left - self.product())
        return left

    def product(self) -> int:
        left = self.factor()
        while self.peek() in ("*", "/"):
            left = self.bounded(left * self.factor()) if self.take() == "*" else self.quotient(left, self.factor())
        return left

    def quotient(self, left: int, right: int) -> int:
        if right == 0:
            self.fail("a division by zero")
        if left % right:
            self.fail(f"a division must come out even, {left}/{right} does not")
        return left // right

    def factor(self) -> int:
        sign = 1
        while self.peek() in ("+", "-"):
            sign = -sign if self.take() == "-" else sign
        return sign * (self.group() if self.peek() == "(" else self.number())

    def group(self) -> int:
        self.take()
        self.depth += 1
        if self.depth > DEPTH:
            self.fail(f"parentheses nest deeper than {DEPTH}")
        inner = self.sum()
        if self.peek() != ")":
            self.fail("a '(' is not closed")
        self.take()
        self.depth -= 1
        return inner

    def number(self) -> int:
        if not self.peek().isdigit():
            self.fail(f"expected a number before '{self.peek()}'" if self.peek() else "expected a number at the end")
        digits = self.take().lstrip("0") or "0"
        return self.bounded(int(digits) if len(digits) <= len(str(LIMIT)) else LIMIT + 1)
