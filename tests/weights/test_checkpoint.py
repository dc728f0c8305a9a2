import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from workbench.errors import WorkbenchError
from workbench.weights.checkpoint import load_checkpoint, load_into

STATE = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).state_dict()


@pytest.mark.parametrize(
    "content",
    [
        STATE,
        {"state_dict": STATE, "epoch": 3},
        {"model": {"module." + name: t for name, t in STATE.items()}, "optimizer": {"lr": 0.1}},
        {"ema": STATE, "best": torch.tensor([]).tolist()},
    ],
)
def test_a_state_dict_wherever_trainers_put_it(tmp_path, content):
    torch.save(content, tmp_path / "x.pt")
    state = load_checkpoint(tmp_path / "x.pt")
    assert list(state) == list(STATE) and all(torch.equal(state[n], t) for n, t in STATE.items())


def test_safetensors(tmp_path):
    save_file(STATE, tmp_path / "x.safetensors")
    assert load_checkpoint(tmp_path / "x.safetensors").keys() == STATE.keys()
    (tmp_path / "x.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(WorkbenchError, match="not a readable checkpoint"):
        load_checkpoint(tmp_path / "x.safetensors")


class Planted:
    """Would make a file, were it unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("save", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content))])
def test_pickled_objects_are_refused_and_not_run(tmp_path, save):
    save({"model": Planted(tmp_path / "planted")}, tmp_path / "x.pt")
    with pytest.raises(WorkbenchError, match=r"(?s)x.pt .*refused.*state_dict"):
        load_checkpoint(tmp_path / "x.pt")
    assert not (tmp_path / "planted").exists()


def test_files_that_are_none(tmp_path):
    with pytest.raises(WorkbenchError, match="cannot read the checkpoint"):
        load_checkpoint(tmp_path / "absent.pt")
    torch.save(STATE, tmp_path / "x.pt")
    (tmp_path / "cut.pt").write_bytes((tmp_path / "x.pt").read_bytes()[:900])
    with pytest.raises(WorkbenchError, match=r"cut\.pt not a readable checkpoint"):
        load_checkpoint(tmp_path / "cut.pt")
    for content in (b"", b"hi", b"<html>Not found</html>", b"\xff\xd8\xff\xe0JFIF", bytes(40)):
        (tmp_path / "other.pt").write_bytes(content)
        with pytest.raises(WorkbenchError, match=r"other\.pt not a checkpoint: it begins as no file of torch\.save's"):
            load_checkpoint(tmp_path / "other.pt")
    torch.save({"epoch": 3}, tmp_path / "no.pt")
    with pytest.raises(WorkbenchError, match="expected a state_dict; got epoch"):
        load_checkpoint(tmp_path / "no.pt")


def test_what_does_not_fit_the_model_is_told_before_anything_changes():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    before = {name: t.clone() for name, t in model.state_dict().items()}
    state = {n: t + 1 for n, t in STATE.items() if n != "1.bias"}
    state |= {"0.weight": torch.ones(5, 3, 3, 3), "1.biasz": torch.ones(4)}
    with pytest.raises(WorkbenchError, match=r"(?s)'0.weight': expected \[4, 3, 3, 3\].*no '1.bias'.*no '1.biasz'"):
        load_into(model, state, "x.pt")
    assert all(torch.equal(before[n], t) for n, t in model.state_dict().items())
    load_into(model, {n: torch.ones_like(t) for n, t in STATE.items() if "tracked" not in n})
    assert model[0].weight.sum() == 108


def test_of_another_models_checkpoint_a_screenful_is_told():
    other = nn.Sequential(*(nn.Conv2d(2, 2, 3) for _ in range(40)))
    with pytest.raises(WorkbenchError, match=r"(?s)'1\.weight'.*70 more tensors do not fit.*another model's") as caught:
        load_into(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)), other.state_dict(), "x.pt")
    assert str(caught.value).count("\n") < 30
