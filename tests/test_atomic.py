"""What users keep survives a write that the system refuses half way: the old file, and nothing else, is there."""

import subprocess
import sys

import numpy as np
import pytest

from workbench.config.document import Document
from workbench.engines.build import build_engine
from workbench.weights.file import write_weights

CONFIG = "[input] refname=X shape=1,64 dtype=f32\n[dense] hidden=64 weight_order=w refname=Y\n[output] refname=Y\n"
LARGE = 8192  # values, bytes or characters, more than the limit
# RLIMIT_FSIZE makes the kernel's write(2) itself fail in the middle of a file, as a full disk or a quota does.
LIMITED = """
import resource, sys
import numpy as np
from workbench import WorkbenchError, build_engine
from workbench.config.document import Document
from workbench.weights.file import write_weights
path = sys.argv[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    {write}
except WorkbenchError as error:
    print(error)
"""
WRITES = {
    "weights": "write_weights(path, np.zeros({size}))",
    "config": "Document('# ' + 'x' * {size}).save(path)",
    "engine": "build_engine({config!r}, weights=np.ones(4096, np.float32), engine_file=path)",
}


@pytest.mark.parametrize("kind", WRITES)
def test_a_write_that_fails_half_way_keeps_the_old_file(tmp_path, kind):
    path = tmp_path / f"old.{kind}"
    if kind == "weights":
        write_weights(path, np.arange(8))
    elif kind == "config":
        Document(CONFIG).save(path)
    else:
        values = np.zeros(4096, np.float32)
        build_engine(CONFIG, weights=values, engine_file=path).close()
    before = path.read_bytes()
    code = LIMITED.format(write=WRITES[kind].format(size=LARGE, config=CONFIG))
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{path} could not write: " in done.stdout and "the file is as it was" in done.stdout
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == [path.name]
