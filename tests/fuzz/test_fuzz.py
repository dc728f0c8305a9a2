"""Whatever a user hands in, the outcome is a result or a WorkbenchError: no traceback from inside, no hang, no blow-up.

Seeds and mutations are drawn from numbered generators, so that a failure names its case. The default run takes a slice;
`-m fuzz` runs 20,000 cases.
"""

import contextlib
import math
import random
import resource
import signal

import numpy as np
import pytest
from corpus import PARAMS, configs, dictionaries, weights
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutate import WORDS, mutate

from workbench import shapes
from workbench.config.dictionary import Dictionary
from workbench.config.document import Document
from workbench.config.parse import parse_config
from workbench.config.v4 import convert, recognise
from workbench.config.write import write
from workbench.engines.build import load_network
from workbench.errors import WorkbenchError
from workbench.explain.table import table
from workbench.graph import DTYPES
from workbench.layers import LAYERS
from workbench.weights import plan_weights, read_weights

SECONDS = 5  # the slowest sound case takes 0.1 s
MEMORY = 1 << 30  # more than the process holds at the start
CONFIGS = configs()


@contextlib.contextmanager
def bounded(label, data):
    """Anything but a WorkbenchError fails and shows its input; so does a case beyond SECONDS or MEMORY."""

    def late(*_):
        raise TimeoutError(f"{SECONDS} s are over")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    except WorkbenchError as error:
        assert str(error)
    except Exception as error:
        raise AssertionError(f"{label}: {type(error).__name__}: {error}\n{data!r}") from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True, scope="module")
def memory_limit():
    """An allocation beyond MEMORY raises MemoryError, which `bounded` reports."""
    with open("/proc/self/statm") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def read_config(data, params=PARAMS, dictionary=None):
    """All that is done with a config before an engine is built."""
    document = Document(data)
    assert bytes(document) == data
    if recognise(document):
        convert(document)
    graph = parse_config(document, params, dictionary=dictionary).graph
    shapes.infer(graph)
    plan_weights(graph)
    table(graph)
    write(graph)


def config_case(rng, folder):
    data = mutate(rng, CONFIGS)
    return data, lambda: read_config(data)


def params_case(rng, folder):
    text = mutate(rng, [PARAMS.encode()]).decode("utf-8", "replace")
    return text, lambda: read_config(CONFIGS[0], text)


def dictionary_case(rng, folder):
    data, path = mutate(rng, folder["dictionaries"]), folder["path"] / "a.dct"
    path.write_bytes(data)
    return data, lambda: read_config(rng.choice(CONFIGS), dictionary=Dictionary.read(path).over(folder["builtin"]))


def weights_case(rng, folder):
    data, path = mutate(rng, folder["weights"]), folder["path"] / "a.weights"
    path.write_bytes(data)
    plan = folder["plan"]
    return data, lambda: plan.split(read_weights(path))


def engine_case(rng, folder):
    """A config all the way: parsed, built, run. The few that get there are small, for their seeds are."""
    data = mutate(rng, CONFIGS)

    def run():
        bare = load_network(Document(data), PARAMS, np.empty(0, np.float32))
        graph, plan = bare.parsed.graph, plan_weights(bare.parsed.graph)
        if plan.count + sum(abs(math.prod(spec.shape)) for spec in graph.specs.values()) > 1_000_000:
            return
        values = np.full(plan.count, 0.5, np.float32)
        with type(bare)(bare.parsed, values).build("openvino", "f32", threads=1) as engine:
            engine.run({name: np.ones([abs(n) for n in spec.shape], DTYPES[spec.dtype])
                        for name, spec in engine.inputs.items()})  # fmt: skip

    return data, run


KINDS = {"config": (config_case, 10), "params": (params_case, 2), "dictionary": (dictionary_case, 2),
         "weights": (weights_case, 2), "engine": (engine_case, 1)}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from workbench.config.dictionary import builtin

    path = tmp_path_factory.mktemp("fuzz")
    config = "[input] refname=X shape=1,3,4,4 dtype=f32 [conv2d] channel=4 kernel=1,3 [output] refname=*"
    plan = plan_weights(load_network(config, None, np.empty(0, np.float32)).parsed.graph)
    return {"path": path, "dictionaries": dictionaries(path), "weights": weights(path), "plan": plan,
            "builtin": builtin()}  # fmt: skip


@pytest.mark.parametrize("number", range(len(CONFIGS)))
def test_the_seeds_are_sound(number):
    """So that mutations of them reach every step and are not all refused at the first."""
    data = CONFIGS[number]
    if b"[system]" not in data:
        read_config(data)


def run_cases(kind, folder, count):
    make, _ = KINDS[kind]
    for number in range(count):
        data, run = make(random.Random(f"{kind} {number}"), folder)
        with bounded(f"{kind} case {number}", data):
            run()


@pytest.mark.parametrize("kind", KINDS)
def test_a_slice_of_mutated_inputs(kind, folder):
    run_cases(kind, folder, 25 * KINDS[kind][1])


@pytest.mark.fuzz
@pytest.mark.parametrize("kind", KINDS)
def test_mutated_inputs(kind, folder):
    """17,000 cases."""
    run_cases(kind, folder, 1000 * KINDS[kind][1])


VALUES = st.one_of(
    st.integers(-3, 9).map(str),
    st.lists(st.integers(-2, 8), max_size=6).map(lambda items: ",".join(map(str, items))),
    st.sampled_from(["A", "B", "*", "A,B", "same", "relu", "$SIZE", "$BATCH*2", "0.5", "wa", "wrbmv", ""]),
    st.sampled_from([word.decode("latin-1") for word in WORDS]),
    st.text(max_size=5),
)


@st.composite
def drawn_configs(draw):
    """A config of random lines: real layers, some of their keys, values of any kind; names A and B to read."""
    lines = [
        "[input] refname=A shape=2,4,6,8 dtype=f32",
        f"[input] refname=B shape={draw(VALUES)} dtype={draw(st.sampled_from(['f32', 'u8', 'i32', 'bool', 'x']))}",
    ]
    for _ in range(draw(st.integers(1, 4))):
        cls = LAYERS[draw(st.sampled_from(sorted(LAYERS)))]
        words = []
        for name, key in cls.keys().items():
            if key.required or draw(st.booleans()):
                among = [symbol for symbol in key.among if symbol]
                words.append(f"{name}={draw(st.sampled_from(among) if among and draw(st.booleans()) else VALUES)}")
        inputs = draw(st.sampled_from(["", "input=A", "input=A,A", "input=A,B,*", "input=B"]))
        lines.append(f"[{cls.tag}] {inputs} {' '.join(words)}")
    return "\n".join([*lines, "[output] refname=*"])


def read_drawn(text):
    with bounded("drawn config", text):
        parsed = parse_config(text, PARAMS, file="drawn")
        shapes.infer(parsed.graph)
        plan_weights(parsed.graph)
        table(parsed.graph)


HOW = {"deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck), "database": None}


@settings(max_examples=100, **HOW)
@given(drawn_configs())
def test_a_slice_of_drawn_configs(text):
    read_drawn(text)


@pytest.mark.fuzz
@settings(max_examples=3000, **HOW)
@given(drawn_configs())
def test_drawn_configs(text):
    read_drawn(text)
