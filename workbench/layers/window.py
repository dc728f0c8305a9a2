"""Arithmetic of sliding windows, shared by convolutions, pools and unfold. Sizes in elements, -1 never enters."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.errors import WorkbenchError

PAD_TF = ("same", "valid", "pad", "alexeyab")


def require_window(kernel: int, stride: int, dilation: int) -> None:
    """Raise for a window that has no size or goes nowhere."""
    if stride < 1 or dilation < 1 or kernel < 1:
        raise WorkbenchError(f"expected kernel, stride and dilation of at least 1; got {kernel}, {stride}, {dilation}")


def same_pads(n: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """TensorFlow's SAME: total = max((ceil(n/s) - 1) s + (k - 1) d + 1 - n, 0), the odd one goes after."""
    require_window(kernel, stride, dilation)
    total = max((-(-n // stride) - 1) * stride + (kernel - 1) * dilation + 1 - n, 0)
    return total // 2, total - total // 2


def resolve_pads(
    pad_tf: str,
    pads: Sequence[int],
    hw: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
) -> tuple[int, ...]:
    """(before, after) of every axis in turn, from pad_tf and pad."""
    if pad_tf == "same":
        return tuple(p for axes in zip(hw, kernel, stride, dilation, strict=True) for p in same_pads(*axes))
    if pad_tf == "valid":
        return (0,) * (2 * len(hw))
    if pad_tf == "alexeyab":
        raise WorkbenchError("pad_tf=alexeyab: the meaning of this padding is not known", note="give pad= instead")
    return tuple(pads)


def window_size(n: int, kernel: int, stride: int, pads: Sequence[int], dilation: int = 1, ceil: bool = False) -> int:
    """Output size along one axis; with `ceil`, a last window that begins in the padding is dropped (PyTorch)."""
    require_window(kernel, stride, dilation)
    free = n + sum(pads) - (kernel - 1) * dilation - 1
    if free < 0:
        raise WorkbenchError(
            f"a window of {(kernel - 1) * dilation + 1} does not fit into {n} + {sum(pads)} of padding",
            note="check kernel, dilation, pad and the shape of the input",
        )
    size = -(-free // stride) + 1 if ceil else free // stride + 1
    if ceil and (size - 1) * stride >= n + pads[0]:
        size -= 1
    return size


def require_groups(channels: int, out: int, group: int) -> None:
    """Raise unless input and output channels divide into the groups."""
    if group < 1 or channels % group or out % group:
        raise WorkbenchError(f"expected input channels {channels} and output channels {out} to divide by group={group}")
