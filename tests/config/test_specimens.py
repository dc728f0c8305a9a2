"""Three real configs and a real dictionary, where they are: data outside the project (WORKBENCH_SPECIMENS)."""

import os
from pathlib import Path

import pytest

from workbench.config.dictionary import Dictionary
from workbench.config.document import Document
from workbench.config.parse import parse_config
from workbench.config.write import write
from workbench.shapes import infer

ROOT = Path(os.environ.get("WORKBENCH_SPECIMENS", Path(__file__).parents[3] / "shared" / "specimens"))
DICT = ROOT / "layer_dict_V5.1.0.dct"
pytestmark = pytest.mark.skipif(not DICT.is_file(), reason=f"no specimens in {ROOT}: set WORKBENCH_SPECIMENS")

PARAMS = {
    "MODEL_CODE": "m", "MODEL_NAME": "m", "MAKE_ENGINE": 1, "LICENSE_FILE": "none", "ENGINE_FILE": "m.engine",
    "WEIGHT_FILE": "m.weights", "CACHE_FILE": "none", "DICT_FILE": DICT, "LOG_DIR": "none", "PLUGIN_DIR": "none",
    "SOYNET_HOME": ROOT, "BATCH_SIZE": 2, "CLASS_COUNT": 80, "CONF_THRES": 0.25, "IOU_THRES": 0.45,
    "COUNT_PER_CLASS": 100, "REGION_COUNT": 1000, "RESULT_COUNT": 50, "ORG_SIZE": (720, 1280),
    "RE_SIZE": (360, 640), "INPUT_SIZE": (224, 224), "TOP": 12, "BOTTOM": 12, "LEFT": 0, "RIGHT": 0,
}  # fmt: skip
# name → nodes, tensors with the shapes that the original models give for this input
CONFIGS = {
    "yolov8n": (
        116,
        {"RES_15": (2, 64, 48, 80), "RES_21": (2, 256, 12, 20), "BOX": (2, 5040, 4), "CLS": (2, 5040, 80)},
    ),
    "yolov5n6r62": (121, {"D1": (2, 255, 48, 80), "D4": (2, 255, 6, 10), "BB": (2, 15300, 4), "CC": (2, 15300, 80)}),
    "efficientnet-b0": (128, {"B0A_ACT": (2, 32, 112, 112), "B6A_PRO": (2, 320, 7, 7), "FIN": (2, 80)}),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_real_configs_parse_and_their_shapes_are_the_originals(name):
    count, shapes = CONFIGS[name]
    parsed = parse_config(ROOT / f"{name}.cfg", PARAMS)
    assert not parsed.warnings and len(parsed.graph.nodes) == count
    infer(parsed.graph)
    assert {t: parsed.graph.specs[t].shape for t in shapes} == shapes
    assert [n.outputs for n in parse_config(write(parsed.graph)).graph] == [n.outputs for n in parsed.graph]


@pytest.mark.parametrize("name", CONFIGS)
def test_real_files_are_kept_byte_for_byte(name):
    data = (ROOT / f"{name}.cfg").read_bytes()
    document = Document(data)
    assert bytes(document) == data and not document.problems
    document.remove(document.entries[3].id)
    document.undo()
    assert bytes(document) == data


def test_the_real_dictionary_reads_and_writes(tmp_path):
    dictionary = Dictionary.read(DICT)
    assert len(dictionary) == 276 and "bconv2d" in dictionary
    assert dictionary.rows("conv2d")["pad"].init == "0,0,0,0"
    assert dictionary.rows("pool2d")["mode"].symbols == ("max", "avg", "adapavg", "adapmax", "nafnet")
    dictionary.write(tmp_path / "a.dct")
    assert Dictionary.read(tmp_path / "a.dct") == dictionary
