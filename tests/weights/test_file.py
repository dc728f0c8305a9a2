"""The .weights format and the plan: round trip, sharing, and every way a file can be wrong, told at a line."""

import numpy as np
import pytest

from workbench.errors import Where, WorkbenchError
from workbench.graph import Graph, Node, TensorSpec
from workbench.layers import LAYERS
from workbench.layers.input import Input
from workbench.weights import plan_weights, read_weights, write_weights
from workbench.weights.ledger import Ledger, ledger_path


def graph(second="channel=4 kernel=1 weight_order=wrbmv", weight=(), refweight=()):
    def conv(text):
        return LAYERS["conv2d"].parse(dict(pair.split("=") for pair in text.split()))

    nodes = [
        Node(0, Input(shape=(1, 4, 8, 8), dtype="f32"), (), ("X",)),
        Node(1, conv("channel=4 kernel=1"), ("X",), ("A",), Where("m.cfg", 2), weight=weight),
        Node(2, conv(second), ("A",), ("B",), Where("m.cfg", 3), refweight=refweight),
    ]
    return Graph(nodes, ("B",), specs={t: TensorSpec((1, 4, 8, 8)) for t in "XAB"})


def test_round_trip_with_ledger(tmp_path):
    plan = plan_weights(graph())
    assert [(s.letter, s.offset) for s in plan.stored] == [
        ("w", 0),
        ("a", 16),
        ("w", 20),
        ("r", 36),
        ("b", 40),
        ("m", 44),
        ("v", 48),
    ]
    values = np.random.default_rng(0).standard_normal(plan.count).astype(np.float32)
    path = write_weights(tmp_path / "m.weights", values)
    got = plan.split(read_weights(path))
    assert np.array_equal(got[2]["v"], values[48:52]) and got[1]["w"].shape == (4, 4, 1, 1)
    ledger = Ledger.of(plan, values, {(1, "w"): "stem.weight"})
    assert Ledger.load(ledger.save(ledger_path(path))).rows == ledger.rows
    assert "stem.weight" in ledger.csv() and "m.cfg:3" in str(ledger)


def test_a_shared_tensor_is_stored_once():
    plan = plan_weights(graph("channel=4 kernel=1", weight=("W",), refweight=("W",)))
    assert plan.count == 16 + 4 + 4
    got = plan.split(np.arange(24, dtype=np.float32))
    assert got[2]["w"] is got[1]["w"] or np.shares_memory(got[2]["w"], got[1]["w"])
    assert got[2]["a"][0] == 20


def test_a_part_of_a_plan_is_a_file_of_its_own():
    """Offsets begin anew, and a shared tensor brings all that its own line stores."""
    whole = plan_weights(graph())
    part = whole.only([2])
    assert [(s.letter, s.offset) for s in part.stored] == [("w", 0), ("r", 16), ("b", 20), ("m", 24), ("v", 28)]
    assert part.count == 32 and set(part.split(np.zeros(32, np.float32))) == {2}
    shared = plan_weights(graph("channel=4 kernel=1", weight=("W",), refweight=("W",))).only([2])
    assert [(s.node.index, s.letter) for s in shared.stored] == [(1, "w"), (1, "a"), (2, "a")]
    assert shared.split(np.arange(24, dtype=np.float32))[2]["a"][0] == 20


def test_a_wrong_reference_is_told():
    with pytest.raises(WorkbenchError, match=r"m.cfg:3 .*refweight=V names no earlier weight"):
        plan_weights(graph("channel=4 kernel=1", weight=("W",), refweight=("V",)))


def damage(path, how):
    data = bytearray(path.read_bytes())
    if how == "truncated":
        del data[-8:]
    elif how == "odd":
        del data[-3:]
    elif how == "long":
        data += bytes(4)
    elif how == "flip":
        data[60] ^= 1
    elif how == "foreign":
        data[:4] = b"PK\x03\x04"
    elif how == "big":
        data = bytearray(np.frombuffer(bytes(data), "<u4").byteswap().tobytes())
    elif how == "newer":
        data[12] = 9
    path.write_bytes(data)


@pytest.mark.parametrize(
    "how, says",
    [
        ("truncated", "truncated: the header promises 52 floats, the file holds 50"),
        ("odd", "bytes of header"),
        ("long", "too long"),
        ("flip", "CRC-32"),
        ("foreign", "not a .weights file"),
        ("big", "big-endian"),
        ("newer", "newer format, version 9"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, how, says):
    path = write_weights(tmp_path / "m.weights", np.arange(52))
    damage(path, how)
    with pytest.raises(WorkbenchError, match=says) as error:
        read_weights(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    "count, says", [(50, "m.cfg:3 .*run out here: v .* needs floats 48 to 52"), (53, "1 are left over")]
)
def test_files_without_a_count_part_at_a_line(tmp_path, count, says):
    path = tmp_path / "old.weights"
    path.write_bytes(np.array([5, 1, 1] + [0] * 7, "<i4").tobytes() + np.ones(count, "<f4").tobytes())
    with pytest.raises(WorkbenchError, match=says):
        plan_weights(graph()).split(read_weights(path), str(path))


def test_nan_is_told_at_its_line():
    values = np.ones(52, np.float32)
    values[45] = np.nan
    with pytest.raises(WorkbenchError, match=r"m.cfg:3 .*weight m \[4\] holds 1 NaN"):
        plan_weights(graph()).split(values)


def test_a_device_is_never_replaced(tmp_path):
    (tmp_path / "folder.weights").mkdir()
    with pytest.raises(WorkbenchError, match="no regular file"):
        write_weights(tmp_path / "folder.weights", np.zeros(8))
