"""docs/gpu.md says what the records say, and plainly that there is none."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("gpu_page", ROOT / "tools" / "gpu_page.py")
gpu_page = importlib.util.module_from_spec(spec)
spec.loader.exec_module(gpu_page)


def test_the_page_is_up_to_date():
    page = (ROOT / "docs" / "gpu.md").read_text("utf-8")
    assert gpu_page.rewrite(page, gpu_page.records()) == page


def test_records_of_gpus_become_rows_and_those_of_the_emulator_do_not():
    ports = [{"batches": [{"passed": True}]}, {"batches": [{"passed": False}]}, {"failed": "no"}]
    record = {"engine": "cuda", "device": "X1", "date": "2026-01-02", "workbench": "1", "seconds": 9.5, "ports": ports}
    record["layers"] = [{"failed": []}, {"failed": ["case 0"]}]
    page = gpu_page.BEGIN + gpu_page.END
    assert "| X1 | 2026-01-02 | 1 | 1 of 2 | 1 of 3 | 9.5 |" in gpu_page.rewrite(page, [record])
    assert gpu_page.NONE in gpu_page.rewrite(page, [record | {"device": "CUDA emulator, compute capability 9.0"}])
