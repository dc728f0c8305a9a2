"""$NAME and integer arithmetic."""

import ast
import operator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.config.variables import LIMIT, arithmetic, evaluate, parameters, substitute
from workbench.errors import WorkbenchError


@pytest.mark.parametrize(
    "params, want",
    [
        (None, {}),
        ("BATCH=1  SIZE=480,640 PATH=a=b", {"BATCH": "1", "SIZE": "480,640", "PATH": "a=b"}),
        (
            {"SIZE": (480, 640), "A": [1, "2"], "ON": True, "F": 0.25},
            {"SIZE": "480,640", "A": "1,2", "ON": "1", "F": "0.25"},
        ),
    ],
)
def test_parameters(params, want):
    assert parameters(params) == want


@pytest.mark.parametrize(
    "params, told", [("A=1 B", "got 'B'"), ({"A B": 1}, "parameter 'A B'"), ("$A=1", "parameter '\\$A'")]
)
def test_bad_parameters(params, told):
    with pytest.raises(WorkbenchError, match=told):
        parameters(params)


@pytest.mark.parametrize(
    "text, want",
    [
        ("$A", "1"),
        ("x$A*3/$AB", "x1*3/22"),
        ("$ABC", "$ABC"),
        ("$A-$A.w", "1-1.w"),
        ("$NEST", "$A"),
        ("$ $1 a$", "$ $1 a$"),
    ],
)
def test_substitution_takes_whole_names_once(text, want):
    assert substitute(text, {"A": "1", "AB": "22", "NEST": "$A"}) == want


@pytest.mark.parametrize(
    "text, want",
    [
        ("80*3+15", "255"),
        ("1,80+64,-1", "1,144,-1"),
        ("2*(3+4)-10/5", "12"),
        ("--3", "3"),
        ("-(2-5)*+2", "6"),
        ("8/2/2", "2"),
        ("1e-5,-0.5,.5,2.,3E2,-inf", "1e-5,-0.5,.5,2.,3E2,-inf"),
        ("1,,2,", "1,2"),
        ("007*1", "7"),
        (str(LIMIT), str(LIMIT)),
    ],
)
def test_arithmetic(text, want):
    assert arithmetic(text) == want


@pytest.mark.parametrize(
    "text, told",
    [
        ("7/2", "must come out even, 7/2 does not"),
        ("1/0", "division by zero"),
        ("(1", "not closed"),
        ("1)", "expected an operator before '\\)'"),
        ("1 2", "expected an operator before '2'"),
        ("1+", "expected a number at the end"),
        ("*2", "expected a number before '\\*'"),
        ("2**3", "expected a number before '\\*'"),
        ("0.5*2", "neither a number nor integer arithmetic"),
        ("1_000", "neither"),
        ("٣", "neither"),
        ("__import__('os')", "neither"),
        (str(LIMIT + 1), "64 bits"),
        ("9" * 100_000, "64 bits"),
        ("9999999999*9999999999", "64 bits"),
        ("(" * 100_000 + "1", "nest deeper"),
    ],
)
def test_bad_arithmetic(text, told):
    with pytest.raises(WorkbenchError, match=told):
        arithmetic(text)


EXPRESSIONS = st.recursive(
    st.integers(0, 99).map(str),
    lambda inner: (
        st.tuples(inner, st.sampled_from("+-*/"), inner).map("".join)
        | inner.map("({})".format)
        | inner.map("-({})".format)
    ),
    max_leaves=8,
)
OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}


def by_python(node):
    """The value by Python's own grammar; None where a division does not come out even."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.UnaryOp):
        inner = by_python(node.operand)
        return None if inner is None else -inner
    left, right = by_python(node.left), by_python(node.right)
    if left is None or right is None:
        return None
    if isinstance(node.op, ast.Div):
        return None if right == 0 or left % right else left // right
    return OPERATORS[type(node.op)](left, right)


@given(EXPRESSIONS)
@settings(deadline=None)
def test_arithmetic_is_pythons(text):
    want = by_python(ast.parse(text, mode="eval").body)
    if want is None or abs(want) > LIMIT:
        with pytest.raises(WorkbenchError):
            evaluate(text)
    else:
        assert evaluate(text) == want
