import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
import torchvision
from tracing_models import Branching, Noisy, Transformer

from workbench.errors import WorkbenchError
from workbench.trace.ops import Exported
from workbench.trace.record import record
from workbench.trace.store import TensorStore

X = torch.randn(1, 3, 8, 8)


def test_only_what_is_wanted_is_kept_and_every_path_is_known():
    model = torchvision.models.resnet18().eval()
    trace = record(model, torch.randn(1, 3, 32, 32), wanted=["layer1", "input"])
    assert trace.stored_bytes == 4 * (64 * 8 * 8 + 3 * 32 * 32)
    assert trace.spec("layer2.0.conv1").shape == (1, 128, 4, 4)
    with pytest.raises(WorkbenchError, match=r"(?s)'layer2.0.conv1' was not recorded.*wanted"):
        trace["layer2.0.conv1"]
    with pytest.raises(WorkbenchError, match=r"(?s)no tensor 'layer2.0.conv3'.*layer2.0.conv"):
        record(model, X, wanted=["layer2.0.conv3"])


def test_a_forward_that_fails_names_its_module():
    model = torchvision.models.resnet18().eval()
    model.layer3[0].conv2 = torch.nn.Conv2d(7, 256, 3)
    with pytest.raises(WorkbenchError, match=r"(?s)'layer3.0.conv2' \(Conv2d\): RuntimeError.*\[1, 3, 8, 8\]"):
        record(model, X)


@pytest.mark.parametrize("export", [False, True])
def test_a_model_that_draws_random_numbers_is_told(export):
    model = Noisy()
    trace = record(model, X, exported=Exported(model, X) if export else None)
    assert trace.deterministic is False and "random" in trace.notes[0]


def test_the_model_and_its_example_stay_as_they_were():
    model = torch.nn.Sequential(torch.nn.ReLU(inplace=True), torch.nn.BatchNorm2d(3)).train()
    x = torch.randn(2, 3, 4, 4)
    before, modes = x.clone(), [m.training for m in model.modules()]
    trace = record(model, x, exported=Exported(model, x))
    assert torch.equal(x, before) and [m.training for m in model.modules()] == modes
    assert int(model[1].num_batches_tracked) == 0 and not any(m._forward_hooks for m in model.modules())
    np.testing.assert_array_equal(trace["input"], before)


def test_what_torch_export_cannot_follow_is_said_and_modules_still_work():
    model = Branching().eval()
    with pytest.raises(WorkbenchError, match=r"(?s)torch.export cannot follow Branching.*ties to modules still work"):
        Exported(model, X)
    assert record(model, X)["bn"].shape == (1, 4, 6, 6)


def test_an_example_that_the_forward_does_not_take():
    with pytest.raises(WorkbenchError, match=r"the example does not fit Transformer.forward\(x, \*, gain\)"):
        record(Transformer(), X)


def test_the_store_keeps_tensors_as_they_were(tmp_path):
    tensors = {i: torch.randn(3, 1000 + i) for i in range(5)} | {"bf16": torch.ones(7, dtype=torch.bfloat16)}
    tensors |= {"empty": torch.empty(0, 3), "turned": torch.randn(40, 30).T, "flags": torch.rand(9) > 0.5}
    store = TensorStore(tmp_path)
    for name, tensor in tensors.items():
        store.put(name, tensor)
        tensor.zero_() if name == 0 else None
    assert store[0].any(), "kept as it was, not as it became"
    for name, tensor in list(tensors.items())[1:]:
        np.testing.assert_array_equal(store[name], tensor.float().numpy() if name == "bf16" else tensor.numpy())


def test_a_full_disk_is_an_error_with_a_way_out(monkeypatch):
    def full(self, rest):
        raise OSError(28, "No space left on device")

    store = TensorStore()
    store.put("a", torch.ones(4))
    monkeypatch.setattr(store, "_file", type("Full", (), {"seek": lambda self, at: at, "write": full})())
    with pytest.raises(WorkbenchError, match=r"(?s)No space left.*TMPDIR"):
        store.put("b", torch.ones(4))


def test_tracing_keeps_within_one_and_a_half_of_the_live_set():
    """RSS over what stood before, weights counted on both sides: 2.3 GB are recorded and pass through."""
    script = """
        import threading, time, torch, torchvision
        from workbench.trace.ops import Exported
        from workbench.trace.record import record
        torch.set_num_threads(1)
        model = torchvision.models.resnet50().eval()
        x = torch.randn(1, 3, 416, 416)
        exported = Exported(model, x)
        rss = lambda: int(open("/proc/self/statm").read().split()[1]) * 4096
        start, peak, done = rss(), 0, False
        def watch():
            global peak
            while not done:
                peak = max(peak, rss())
                time.sleep(0.0005)
        thread = threading.Thread(target=watch)
        thread.start()
        trace = record(model, x, exported=exported, twice=False)
        done = True
        thread.join()
        weights = sum(p.nbytes for p in model.parameters())
        print((weights + peak - start) / (weights + exported.live_bytes()), trace.stored_bytes)
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    ratio, stored = map(float, run.stdout.split())
    assert ratio < 1.5 and stored > 5e8
