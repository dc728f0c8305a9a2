"""A user's checkpoint: its state_dict, read without running code from the file, and put into a model."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import Problems, WorkbenchError

if TYPE_CHECKING:
    import torch

State = dict[str, "torch.Tensor"]
# Where trainers put the state_dict inside a checkpoint, the likeliest first.
WRAPPERS = ("state_dict", "model_state_dict", "model", "ema", "net", "params")
HEADS = (b"PK", b"\x80")  # of a zip, as torch.save writes it, and of a bare pickle
NAMED = 12  # tensors that a refusal names; in another model's checkpoint hundreds do not fit


def load_checkpoint(path: str | Path) -> State:
    """The state_dict of a .pt/.pth or .safetensors file, prefix "module." taken off.

    Raises WorkbenchError for a missing or damaged file, and for one that holds pickled objects beside tensors: loading
    those runs whatever code the file names.
    """
    path = Path(path)
    content = _load_safetensors(path) if path.suffix == ".safetensors" else _load_torch(path)
    state = _state_dict(content)
    if not state:
        keys = ", ".join(map(str, list(content)[:8])) if isinstance(content, Mapping) else type(content).__name__
        raise WorkbenchError(f"expected a state_dict; got {keys}", str(path),
                             f"a dict of tensors, or one under {', '.join(WRAPPERS)}")  # fmt: skip
    prefixed = all(name.startswith("module.") for name in state)
    return {name.removeprefix("module.") if prefixed else name: tensor for name, tensor in state.items()}


def load_into(model: torch.nn.Module, state: Mapping[str, torch.Tensor], where: str | Path = "") -> None:
    """Copy a state_dict into the model. Raises, before anything is changed, naming what does not fit."""
    problems, own = Problems(), model.state_dict()
    for name, tensor in own.items():
        if name not in state and not name.endswith("num_batches_tracked"):
            problems.error(f"the checkpoint has no '{name}' {list(tensor.shape)}", str(where))
        elif name in state and state[name].shape != tensor.shape:
            shapes = f"expected {list(tensor.shape)}; got {list(state[name].shape)}"
            problems.error(f"'{name}': {shapes}", str(where), "is it another size of the model?")
    for name in state:
        if name not in own:
            close = get_close_matches(name, list(own), 1)
            note = f"did you mean '{close[0]}'?" if close else ""
            problems.error(f"the model has no '{name}'", str(where), note)
    if more := problems.errors[NAMED:]:
        problems.errors = problems.errors[:NAMED]
        note = f"the model has {len(own)} tensors, the checkpoint {len(state)}: is it another model's?"
        problems.error(f"{len(more)} more tensors do not fit", str(where), note)
    problems.raise_errors()
    model.load_state_dict(dict(state), strict=False)


def _load_torch(path: Path) -> Any:
    import torch

    try:
        with path.open("rb") as file:
            head = file.read(2)
        if not head.startswith(HEADS):
            raise WorkbenchError("not a checkpoint: it begins as no file of torch.save's", str(path))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it says is for torch's authors
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WorkbenchError(f"cannot read the checkpoint: {error.strerror or error}", str(path)) from error
    except pickle.UnpicklingError as error:
        reason = next((line for line in str(error).splitlines() if "GLOBAL" in line or "global" in line), "")
        raise WorkbenchError(
            "the checkpoint holds pickled Python objects beside tensors, and loading those runs code from the file: "
            f"refused ({reason.strip() or 'not a tensor file'})",
            str(path),
            "if you trust it, load it once where its classes are installed and save the tensors alone: "
            "torch.save(model.state_dict(), 'weights.pt')",
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WorkbenchError(f"not a readable checkpoint: {reason}", str(path), "copy or download it again") from error


def _load_safetensors(path: Path) -> State:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except OSError as error:
        raise WorkbenchError(f"cannot read the checkpoint: {error.strerror or error}", str(path)) from error
    except SafetensorError as error:
        raise WorkbenchError(f"not a readable checkpoint: {error}", str(path), "copy or download it again") from error


def _state_dict(content: Any) -> State:
    import torch

    if not isinstance(content, Mapping):
        return {}
    tensors = {str(name): value for name, value in content.items() if isinstance(value, torch.Tensor)}
    if tensors:
        return tensors
    return next((state for key in WRAPPERS if (state := _state_dict(content.get(key)))), {})
