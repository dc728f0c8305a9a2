"""The documented causes are those that are tried, and the rule by which one is claimed."""

from pathlib import Path

import pytest

from workbench.config.parse import parse_config
from workbench.diagnose.simplest import equally_good, simplicity
from workbench.diagnose.table import markdown
from workbench.faultbench.answers import ANSWERS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "diagnosis.md"


def test_the_page_lists_every_cause():
    assert PAGE.read_text().endswith(markdown()), (
        "docs/diagnosis.md: its table is not workbench.diagnose.table.markdown()"
    )


def test_no_answer_of_the_benchmark_is_a_cause_that_does_not_exist():
    known = {line.split("`")[1] for line in markdown().splitlines() if line.startswith("| `")}
    assert set().union(*ANSWERS.values()) <= known


def node(line):
    text = f"[input] refname=X shape=1,8,9,9 dtype=f32\n{line} refname=Y\n[output] refname=Y\n"
    from workbench import shapes

    graph = parse_config(text).graph
    shapes.infer(graph)
    return graph.nodes[-1], graph.specs


@pytest.mark.parametrize("wrong, simple, other", [
    ("[pool2d] kernel=3 stride=2", "[pool2d] kernel=3 stride=2 ceil_mode=1", "[pool2d] kernel=3 stride=2 pad=0,1,0,1"),
    ("[conv2d] channel=8 kernel=3 weight_order=wrbmv bn_eps=1e-3", "[conv2d] channel=8 kernel=3 weight_order=wrbmv",
     "[conv2d] channel=8 kernel=3 weight_order=wa"),
    ("[deconv2d] channel=8 kernel=3 stride=2 pad=1 output_pad=1", "[deconv2d] channel=8 kernel=3 stride=2 pad=1",
     "[deconv2d] channel=8 kernel=3 stride=2 pad=1,2,1,2 output_pad=1"),
    ("[conv2d] channel=8 kernel=3 pad=0,2,0,2", "[conv2d] channel=8 kernel=3 pad=1",
     "[conv2d] channel=8 kernel=3 pad=0,2,0,2 pad_tf=same"),
])  # fmt: skip
def test_the_simpler_correction_is_claimed(wrong, simple, other):
    old, specs = node(wrong)
    assert simplicity(old, [node(simple)[0]], specs) < simplicity(old, [node(other)[0]], specs)


def test_fits_that_rounding_may_tell_apart_are_equal():
    assert equally_good(0.0) == 2.0**-23 and equally_good(1e-6) == 8e-6
