"""Errors of the user's own methods: which method, which line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from workbench.errors import WorkbenchError


@contextmanager
def users_code(layer: Any) -> Iterator[None]:
    """What the layer's own methods raise, told with the method and the line."""
    try:
        yield
    except WorkbenchError:
        raise
    except Exception as error:  # whatever the user's code raises
        place = _place_in(sys.modules.get(type(layer).__module__), error)
        if place is None:
            raise
        raise WorkbenchError(f"{type(error).__name__}: {error}", place) from error


def _place_in(module: Any, error: BaseException) -> str | None:
    """Method and line of the module's (or notebook's) code in which the error came up; None where it was elsewhere."""
    trace, place = error.__traceback__, None
    while trace:
        frame = trace.tb_frame
        if frame.f_globals is vars(module):
            file = getattr(module, "__file__", None)
            method = f"{frame.f_code.co_name}()"
            place = f"{file}:{trace.tb_lineno} {method}" if file else f"{method}, line {trace.tb_lineno} of its cell:"
        trace = trace.tb_next
    return place
