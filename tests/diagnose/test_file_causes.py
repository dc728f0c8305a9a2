"""Weights files of the right length or not, with faults in them: the line where they begin, and the cause."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn

from workbench import Session
from workbench.weights import plan_weights, write_weights

CONFIG = """\
[input]  refname=X shape=1,4,9,9 dtype=f32 name=input
[conv2d] channel=8 kernel=3 weight_order=wrbmv act=relu name=0
[conv2d] channel=8 kernel=3 weight_order=wa name=1
[conv2d] channel=6 kernel=3 name=2
[conv2d] channel=6 kernel=1 refname=Y name=3
[output] refname=Y
"""


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    conv, norm = nn.Conv2d, nn.BatchNorm2d
    net = nn.Sequential(
        nn.Sequential(conv(4, 8, 3, bias=False), norm(8), nn.ReLU()),
        nn.Sequential(conv(8, 8, 3, bias=False), norm(8)),
        conv(8, 6, 3),
        conv(6, 6, 1),
    ).eval()
    for part in net.modules():
        if isinstance(part, norm):
            part.weight.data.uniform_(0.5, 2)
            part.bias.data.normal_()
            part.running_mean.normal_()
            part.running_var.uniform_(0.2, 2)
    net[1][0].weight.data[0, 0, 0] = 3e-6  # float16 has but a few bits for it
    return net


@pytest.fixture(scope="module")
def right(net):
    session = Session(net, torch.randn(1, 4, 9, 9), CONFIG, threads=1)
    graph = session.graph()
    spans = {(s.node.where.line, s.letter): slice(s.offset, s.offset + s.count) for s in plan_weights(graph).stored}
    return session, session.weights(graph).values, spans


def put(change, *keys):
    """The values of the tensors of these keys changed in place."""

    def changed(v, spans, net):
        new = v.copy()
        for span, x in zip([spans[k] for k in keys], change(*[v[spans[k]] for k in keys]), strict=True):
            new[span] = np.asarray(x, np.float32).reshape(-1)
        return new

    return changed


def raw(kind):
    """One tensor written in another type: what follows is moved."""

    def changed(v, spans, net):
        span = spans[3, "w"]
        if kind == "bfloat16":
            data = (v[span].view(np.uint32) >> 16).astype(np.uint16).tobytes()
        else:
            data = v[span].astype(kind).tobytes()
        return np.concatenate([v[: span.start], np.frombuffer(data, np.float32), v[span.stop :]])

    return changed


def without(line, letter):
    return lambda v, spans, net: np.delete(v, spans[line, letter])


def more(line, letter, count):
    extra = np.random.default_rng(0).standard_normal(count).astype(np.float32)
    return lambda v, spans, net: np.insert(v, spans[line, letter].start, extra)


def shifted(v, spans, net):
    start = spans[3, "w"].start
    return np.concatenate([v[:start], np.float32([1, 2, 3]), v[start:-3]])


def unfolded(v, spans, net):
    return put(lambda w: [net[1][0].weight.detach().numpy()], (3, "w"))(v, spans, net)


def twice(v, spans, net):
    gain = (net[1][1].weight / (net[1][1].running_var + net[1][1].eps).sqrt()).detach().numpy()
    return put(lambda w: [w.reshape(8, -1) * gain[:, None]], (3, "w"))(v, spans, net)


def kernel(change):
    return put(lambda w: [change(w.reshape(8, 8, 3, 3))], (3, "w"))


def one(w):
    w = w.copy()
    w[100] = 40
    return [w]


FAULTS = {  # cause, then how
    "weights_missing": (3, without(3, "a")),
    "weights_missing at the end": (5, without(5, "a")),
    "weights_missing before the end": (5, without(5, "w")),
    "weights_extra": (3, more(3, "a", 8)),
    "weights_shifted": (3, shifted),
    "gamma_beta_swapped": (2, put(lambda r, b: [b, r], (2, "r"), (2, "b"))),
    "mean_var_swapped": (2, put(lambda m, v: [v, m], (2, "m"), (2, "v"))),
    "weights_swapped": (4, put(lambda a, b: [b, a], (4, "a"), (5, "a"))),
    "weights_swapped biases of a batch norm": (2, put(lambda b, a: [a, b], (2, "b"), (3, "a"))),
    "byte_swapped": (3, put(lambda w: [w.byteswap()], (3, "w"))),
    "byte_swapped whole": (2, lambda v, spans, net: v.byteswap()),
    "wrong_dtype float16": (3, raw("float16")),
    "wrong_dtype bfloat16": (3, raw("bfloat16")),
    "wrong_dtype float64": (3, raw("float64")),
    "wrong_dtype whole": (2, lambda v, spans, net: np.frombuffer(v.astype(np.float16).tobytes(), np.float32)),
    "wrong_dtype rounded": (3, put(lambda w: [w.astype(np.float16)], (3, "w"))),
    "weights_zeroed": (3, put(lambda w: [0 * w], (3, "w"))),
    "weights_value": (3, put(one, (3, "w"))),
    "weights_scaled": (3, put(lambda w: [w * 255], (3, "w"))),
    "kernel_transposed": (3, kernel(lambda w: w.transpose(1, 0, 2, 3))),
    "kernel_transposed channels last": (3, kernel(lambda w: w.transpose(0, 2, 3, 1))),
    "kernel_flipped": (3, kernel(lambda w: w[..., ::-1, ::-1])),
    "bn_unfolded": (3, unfolded),
    "bn_doubly_folded": (3, twice),
    "": (3, put(lambda w: [w + 0.1 * np.sin(np.arange(w.size))], (3, "w"))),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_weights_file(net, right, tmp_path, fault):
    session, values, spans = right
    line, change = FAULTS[fault]
    found = diagnosed(session, tmp_path, change(values, spans, net))
    assert found.where.line == line and found.side == "weights", str(found)
    assert [f.cause for f in found.findings] == ([fault.split()[0]] if fault else []), str(found)
    assert all(f.weights_fix and not f.edits for f in found.findings)


def diagnosed(session, tmp_path, values):
    """The diagnosis with these floats in the file; no warning of a NaN or an overflow that is being looked for."""
    faulty = Session(session.model, session.example, CONFIG, weights=write_weights(tmp_path / "x.weights", values))
    faulty.original = session.original
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        return faulty.diagnose()


def test_nan_and_overflow_are_named(right, tmp_path):
    session, values, spans = right
    for value, said in ((np.nan, "1 of them NaN or Inf"), (np.float32(3e38), "NaN or Inf")):
        wrong = values.copy()
        wrong[spans[3, "w"].start + 100] = value
        found = diagnosed(session, tmp_path, wrong)
        assert found.where.line == 3 and [f.cause for f in found.findings] == ["weights_value"], str(found)
        assert said in found.text or said in found.result.message, str(found)


def test_a_right_file_and_one_that_differs_by_rounding_are_clean(right, tmp_path):
    session, values, _ = right
    assert diagnosed(session, tmp_path, values).clean
    assert diagnosed(session, tmp_path, values * np.float32(1 + 1e-7)).clean


def test_a_difference_that_the_example_does_not_show_is_told(net, right, tmp_path):
    """A weight of a channel that ReLU holds at 0."""
    session, values, spans = right
    dead = int((session.original.tensors(session.graph(), None)["conv2d_1"].max((0, 2, 3)) == 0).argmax())
    wrong = values.copy()
    wrong[spans[3, "w"].start + 9 * dead] += 1
    found = diagnosed(session, tmp_path, wrong)
    assert found.clean and any("line 3" in n or ":3:" in n for n in found.notes), str(found)


@pytest.mark.parametrize("damage, said", [
    (lambda b: b[: len(b) // 2 // 4 * 4], "truncated"),
    (lambda b: b[:-8] + b"\0" * 8, "CRC-32"),
    (lambda b: b"PK" + b[2:], "header"),
])  # fmt: skip
def test_a_file_that_cannot_be_read(right, tmp_path, damage, said):
    session, values, _ = right
    path = write_weights(tmp_path / "x.weights", values)
    path.write_bytes(damage(path.read_bytes()))
    found = Session(session.model, session.example, CONFIG, weights=path).diagnose()
    assert found.side == "weights" and said in found.text and not found.findings, str(found)
