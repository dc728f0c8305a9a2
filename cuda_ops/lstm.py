"""Launches of lstm.cu."""

from typing import Any

from .launch import Launch, flat


def lstm_cell(from_x: Any, from_h: Any, cell: Any, y: Any, batch: int, hidden: int, x_step: int, y_step: int) -> Launch:
    """One step of batch rows: the gates' products with x and with the last output (None in the first step) become the
    new cell, in place, and the output. x_step, y_step: elements from one row to the next."""
    count = batch * hidden
    return flat("lstm", "lstm_cell", count, from_x, from_h, cell, y, count, hidden, x_step, y_step)
