"""dict_file and user_dict_file as client programs name them: in cp949 and UTF-8, rows bound to registered layers."""

import numpy as np
import pytest

from workbench.errors import WorkbenchError
from workbench.graph import TensorSpec
from workbench.layers import LAYERS
from workbench.layers.base import Layer, key, layer
from workbench.soynet import feedData, freeSoyNet, getOutput, inference, initSoyNet

HEAD = "layer\tkey\tktype\tinit\tsymbol\trequire\tdesc\n"
CONFIG = """\
[model] name=m dict_file=$DICT user_dict_file=$USER
[input] refname=X shape=1,4 dtype=f32
[power] refname=Y
[eltwise] input=X,Y
[output] refname=*
"""


@pytest.fixture
def power():
    """A user's own layer, registered for one test: y = gain * x ** exponent."""

    @layer("power")
    class Power(Layer):
        exponent: float = key(1.0)
        gain: float = key(1.0)

        def infer(self, x: TensorSpec) -> list[TensorSpec]:
            return [x]

        def numpy(self, w, x):
            return (self.gain * x**self.exponent).astype(np.float32)

    yield Power
    del LAYERS["power"]


def run(folder, dictionary, user):
    (folder / "m.cfg").write_text(CONFIG)
    (folder / "a.dct").write_bytes(dictionary)
    (folder / "b.dct").write_bytes(user)
    handle = initSoyNet(folder / "m.cfg", f"DICT={folder}/a.dct USER={folder}/b.dct")
    feedData(handle, 0, np.array([0, 1, 2, 3], np.float32))
    inference(handle)
    y = np.zeros(4, np.float32)
    getOutput(handle, 0, y)
    freeSoyNet(handle)
    return y.tolist()


@pytest.mark.parametrize("encoding", ["cp949", "utf-8", "utf-8-sig"])
def test_rows_set_the_defaults_of_real_and_custom_layers(tmp_path, power, encoding):
    dictionary = HEAD + "eltwise\tmode\ts\tsub\tadd,sub\t0\t두 입력의 차\n"
    user = HEAD + "power\texponent\tf32\t2\t\t0\t지수\npower\tgain\tf32\t0.5\t\t0\t배율\n"
    assert run(tmp_path, dictionary.encode(encoding), user.encode(encoding)) == [0, 0.5, 0, -1.5]  # x - x²/2


def test_the_users_dictionary_goes_over_the_other(tmp_path, power):
    row = "power\texponent\tf32\t{}\t\t0\t\neltwise\tmode\ts\tsum\tadd,sum\t0\t\n"
    assert run(tmp_path, (HEAD + row.format(3)).encode(), (HEAD + row.format(2)).encode()) == [0, 2, 6, 12]


def test_a_row_without_a_registered_layer_is_named(tmp_path):
    with pytest.raises(WorkbenchError, match=r"layer 'power' is known to .*b.dct, but not implemented here"):
        run(tmp_path, HEAD.encode(), (HEAD + "power\texponent\tf32\t2\t\t0\t\n").encode())
