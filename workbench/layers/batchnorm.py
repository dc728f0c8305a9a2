"""Batch norm at inference and how it folds into the kernel before it (Ioffe & Szegedy 2015, arXiv:1502.03167)."""

from __future__ import annotations

from typing import Any

from workbench.errors import WorkbenchError

LETTERS = {"w": "kernel", "a": "bias", "r": "gamma", "b": "beta", "m": "running mean", "v": "running variance"}


def require_order(order: str, letters: str = "warbmv", needs: str = "w") -> None:
    """Raise unless `order` is a word of distinct known letters, with beta, mean and variance all or none."""
    wrong = [c for c in order if c not in letters]
    if wrong or len(set(order)) != len(order):
        known = ", ".join(f"{c} {LETTERS[c]}" for c in letters)
        raise WorkbenchError(f"weight_order={order}: expected distinct letters of {letters}", note=known)
    if any(c not in order for c in needs):
        raise WorkbenchError(f"weight_order={order}: expected the letters {needs} in it; got {order}")
    if 0 < len(set(order) & set("bmv")) < 3 or ("r" in order and "v" not in order):
        raise WorkbenchError(
            f"weight_order={order}: batch norm needs b, m and v together", note="wrbmv, or wbmv without gamma"
        )


def bn_affine(w: dict[str, Any], eps: float) -> tuple[Any, Any]:
    """(scale, shift) per channel of y = (x - m) * r / sqrt(v + eps) + b."""
    scale = (w["v"] + eps) ** -0.5
    if "r" in w:
        scale = w["r"] * scale
    return scale, w["b"] - w["m"] * scale


def fold(w: dict[str, Any], eps: float, scale: float = 1.0, axis: int = 0) -> tuple[Any, Any]:
    """Kernel and bias (None where there is none) with `scale` and batch norm folded in.

    `axis` is the kernel's output-channel axis. Arrays of numpy or torch; numpy float32 is folded in float64, so that
    folding adds no error of its own, and rounded once.
    """
    if hasattr(w["w"], "astype"):
        w = {letter: value.astype("float64") for letter, value in w.items()}
    kernel, bias = w["w"], w.get("a")
    if scale != 1.0:
        kernel, bias = kernel * scale, None if bias is None else bias * scale
    if "v" in w:
        gain, shift = bn_affine(w, eps)
        bias = shift if bias is None else bias * gain + shift
        kernel = kernel * gain.reshape([-1 if i == axis else 1 for i in range(kernel.ndim)])
    if hasattr(kernel, "astype"):
        kernel, bias = kernel.astype("float32"), None if bias is None else bias.astype("float32")
    return kernel, bias
