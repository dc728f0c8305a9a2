"""docs/benchmarks.md shows what was measured: the committed records, word for word."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("benchmark_tables", ROOT / "benchmarks" / "tables.py")
assert SPEC and SPEC.loader
tables = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(tables)
RECORDS = sorted(tables.RECORDS.glob("*.json"))


def test_the_page_is_what_the_records_say():
    page = tables.DOCUMENT.read_text(encoding="utf-8")
    assert tables.filled(page) == page, "run: python benchmarks/tables.py"
    assert all(f"<!-- record {path.stem} -->" in page for path in RECORDS) and RECORDS


@pytest.mark.parametrize("path", RECORDS, ids=lambda p: p.stem)
def test_a_record_names_processor_and_versions_and_no_place(path):
    text = path.read_text(encoding="utf-8")
    assert all(f'"{key}"' in text for key in ("date", "processor", "cores", "torch", "openvino", "python"))
    assert not [word for word in ("/home", "/root", "/tmp", str(Path(__file__).parents[2])) if word in text]
