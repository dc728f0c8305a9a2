"""docs/soynet.md: its list of what is missing is the one that `workbench dict --compare` gives; its calls exist."""

import os
import re
from pathlib import Path

import pytest

import workbench.soynet
from workbench.cli import main

DOC = (Path(__file__).parents[2] / "docs" / "soynet.md").read_text()
SPECIMENS = Path(os.environ.get("WORKBENCH_SPECIMENS", Path(__file__).parents[3] / "shared" / "specimens"))
DICT = SPECIMENS / "layer_dict_V5.1.0.dct"


def test_every_call_is_described_and_every_name_exported():
    described = set(re.findall(r"^\| `(\w+)\(", DOC, re.M))
    assert described == {name for name in workbench.soynet.__all__ if name[0].islower()} - {"coco_label", "colors"}


@pytest.mark.skipif(not DICT.is_file(), reason=f"no specimens in {SPECIMENS}: set WORKBENCH_SPECIMENS")
def test_what_is_missing_is_listed(capsys):
    assert main(["dict", "--compare", str(DICT)]) == 0
    listed = DOC.partition("## What has no implementation here")[2]
    assert re.findall(r"^ {4}(.*)$", listed, re.M) == capsys.readouterr().out.splitlines()
