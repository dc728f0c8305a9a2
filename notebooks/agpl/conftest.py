"""These notebooks port originals under the AGPL: where ultralytics is not installed they are not run, which is told."""

import importlib.util

MISSING = importlib.util.find_spec("ultralytics") is None
collect_ignore_glob = ["*.ipynb"] if MISSING else []


def pytest_report_header() -> str:
    return "notebooks/agpl: left out, ultralytics (extra models-agpl) is not installed" if MISSING else ""
