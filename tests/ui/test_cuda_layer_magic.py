"""%%cuda_layer in a notebook's shell."""

import shutil

import pytest
from IPython.core.interactiveshell import InteractiveShell

from cuda_ops.cxx import compiler
from workbench.layers.base import LAYERS

pytestmark = [
    pytest.mark.emulator,
    pytest.mark.skipif(not shutil.which(compiler()[0]), reason="the emulator needs g++"),
]

CLASS = """
%load_ext workbench.ui.cuda_layer
from workbench.custom import *

@cuda_layer("double")
class Double(CudaLayer):
    def infer(self, x):
        return [x]
    def reference(self, torch, w, x):
        return 2 * x
    def launches(self, x, y, w):
        return self.flat("twice", y[0].count, *x, *y, y[0].count)
    CASES = [Case("", [(2, 5)])]
"""
CELL = """%%cuda_layer Double
extern "C" __global__ void twice(const float* x, float* y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = 2 * x[i];
}"""


@pytest.fixture(scope="module")
def shell():
    before = dict(LAYERS)
    shell = InteractiveShell.instance()
    shell.run_cell(CLASS).raise_error()
    yield shell
    InteractiveShell.clear_instance()
    LAYERS.clear()
    LAYERS.update(before)


def test_a_cell_is_the_kernel_and_is_checked(shell):
    report = shell.run_cell(CELL).result
    assert report.ok and report is shell.user_ns["Double"].report
    assert "✓ parity" in repr(report) and "✓ parity" in shell.display_formatter.format(report)[0]["text/plain"]
    assert "[double]" in shell.display_formatter.format(report)[0]["text/html"]


def test_lines_are_the_cells_own(shell):
    report = shell.run_cell(CELL.replace("if (i < n)", "if (i <= n)")).result
    assert "at cell Double:4, " in str(report) and "line 4: if (i <= n) y[i] = 2 * x[i];" in str(report)
    report = shell.run_cell(CELL.replace("threadIdx.x;", "threadIdx.x")).result
    assert not report.ok and "cell Double:4 expected" in str(report)


def test_a_hanging_kernel_is_stopped(shell):
    report = shell.run_cell(CELL.replace("Double", "Double --time-limit 0.5").replace("if (", "while (")).result
    assert "time limit of 0.5 s exceeded, at cell Double:4" in str(report)


@pytest.mark.parametrize(
    "words, says",
    [
        ("Triple", "'Triple' is no custom layer of this notebook; there are: Double"),
        ("Case", "'Case' is no custom layer"),
        ("Double --time-limit 0", "expected a positive number"),
        ("", "required: CLASS"),
        ("Double --speed", "unrecognized arguments: --speed"),
    ],
)
def test_wrong_words_are_told_without_a_traceback(shell, capsys, words, says):
    result = shell.run_cell(CELL.replace("Double", words, 1))
    told = capsys.readouterr()
    assert not result.success and says in told.out + told.err + str(result.error_in_exec)
    assert "Traceback" not in told.out
