"""The sample: a trained network of 6,138 parameters, from its config and .weights file to digits read, in a second."""

from __future__ import annotations

import sys
import time

from workbench.engines.build import build_engine
from workbench.ports import get_port


def sample() -> None:
    """Build the digits engine without PyTorch, read a picture of twenty digits, and say what happened."""
    port = get_port("digits")
    part = port.part()
    print(f"1. {port.title}: {part.config_path.name} and {part.weights_path.name}, no PyTorch needed")
    start = time.perf_counter()
    with build_engine(part.config_path, part.params, part.weights_path) as engine:
        built = time.perf_counter() - start
        feeds, geometry = port.preprocess(port.sample(), engine.inputs)
        result = port.postprocess(engine.run(feeds), geometry)
    print(f"   {engine.note} in {built:.2f} s: {engine}")
    print(f"   the picture reads: {result}")
    print(f"   PyTorch in this process: {'yes' if 'torch' in sys.modules else 'no'}")
