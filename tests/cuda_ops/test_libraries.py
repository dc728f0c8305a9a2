"""What is told to cuDNN and cuBLASLt, as far as these answer without a GPU: cuDNN plans for a GPU that is described to
it; cuBLASLt's descriptors, which its own library holds, are read back. Computing takes a GPU."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from cuda_ops.conv2d import Conv2d, conv2d
from cuda_ops.launch import Act
from cuda_ops.libraries import LIBRARIES, library_missing
from cuda_ops.libraries.shapes import ConvolutionShape, ProductShape
from cuda_ops.matmul import Matrix, dense, matmul

ROOT = Path(__file__).parents[2]
needs_cudnn = pytest.mark.skipif(library_missing("cudnn") != "", reason="nvidia-cudnn-frontend or cuDNN is not here")
CONV = Conv2d(2, 64, 32, 30, 32, (3, 3), (2, 1), (1, 0, 2, 1), (1, 1), 2)


def by_library(launches, source):
    return [launch for launch in launches if launch.source == source]


def of_cudnn(**options):
    return by_library(conv2d(CONV, "x", "packed", "f32 bias", "y", plain=("w", "bias"), **options), "cudnn")


def test_launches_say_what_a_convolution_is():
    plain, tensor = of_cudnn(residual="r", act=Act("relu"))
    assert tensor.tensor_cores and not plain.tensor_cores and plain.args == tensor.args
    shape = ConvolutionShape(*plain.args[5:])
    assert plain.args[:5] == ("x", "w", "bias", "r", "y") and plain.codes == "PPPPP" + "i" * 20
    assert shape[:8] == (2, 64, 32, 30, 32, *CONV.out, 2) and shape.pad_bottom == 0 and shape.pad_left == 2
    assert (shape.stride_h, shape.stride_w, shape.act, shape.add) == (2, 1, 1, 1)
    assert not of_cudnn(act=Act("leaky", 0.1)), "a slope is no operation of these graphs"
    assert not of_cudnn(batch_strides=(1, 2, 3))


def test_launches_say_what_a_product_is():
    plain, tensor = by_library(dense(5, 7, 9, "x", "w", "b32", "y", plain_bias="b"), "cublaslt")
    shape = ProductShape(*plain.args[5:])
    assert plain.args[:5] == ("x", "w", "b", None, "y") and plain.codes == "PPPPP" + "i" * 14 + "f" and tensor
    assert shape[:4] == (5, 7, 9, 1) and (shape.a_row, shape.b_row, shape.b_transposed, shape.y_row) == (9, 9, 1, 7)
    assert not by_library(dense(5, 7, 9, "x", "w", "b32", "y"), "cublaslt"), "no bias in the tensors' storage"
    assert not by_library(dense(5, 7, 9, "x", "w", None, "y", act=Act("silu")), "cublaslt")
    assert not by_library(
        dense(5, 7, 9, "x", "w", None, "y", residual="r", act=Act("relu"), add_after_act=True), "cublaslt"
    )


@pytest.mark.parametrize(
    "batch, a, one_step", [((2, 3), (105, 35), 35), ((1, 3), (0, 35), 35), ((2, 1), (70, 0), 70), ((2, 3), (35, 70), 0)]
)
def test_two_batch_indices_are_one_where_they_step_evenly(batch, a, one_step):
    sides = (("a", Matrix(7, *a)), ("b", Matrix(4)), ("y", Matrix(4, 60, 20)))
    found = by_library(matmul(5, 4, 7, *sides, batch=batch), "cublaslt")
    assert ProductShape(*found[0].args[5:]).a_batch == one_step if one_step else not found


def test_a_library_that_is_not_there_is_told():
    for name, package in LIBRARIES.items():
        if not find_spec("cudnn" if name == "cudnn" else "nvmath"):
            assert "No module named" in library_missing(name), package


# An H100 in cuDNN's words, for plans without a device.
H100 = {
    "maxGridSize": [2147483647, 65535, 65535], "maxBlockSize": [1024, 1024, 64], "regsPerBlock": 65536,
    "multiProcessorCount": 132, "smCountOrigin": 0, "warpSize": 32, "maxSharedMemoryPerBlock": 49152,
    "maxSharedMemoryPerBlockOptin": 232448, "reservedSharedMemoryPerBlock": 1024, "maxRegistersPerSM": 65536,
    "maxCtasPerSM": 32, "maxThreadsPerBlock": 1024, "maxThreadsPerSM": 2048, "pciDeviceId": 0, "isTccDriver": 0,
    "supportCoopLaunch": 1, "smClockRateKHz": 1980000, "memClockRateKHz": 2619000, "l2CacheSize": 52428800,
    "deviceName": "NVIDIA H100 80GB HBM3", "deviceVer": 900, "driverVer": 13000, "cudaDeviceId": 0,
    "totalGlobalMem": 85000000000,
}  # fmt: skip


def graph_of(storage="f32", bias=True, **options):
    import cudnn

    from cuda_ops.libraries.cudnn_conv2d import data_types, describe

    properties = cudnn.create_device_properties(json.dumps(H100))
    graph = cudnn.pygraph(**data_types(storage), device_property=properties)
    shape = ConvolutionShape(*of_cudnn(**options)[0].args[5:])
    return graph, describe(graph, shape, storage, bias)


@needs_cudnn
@pytest.mark.parametrize("after", [False, True])
def test_the_graph_is_the_convolution(after):
    graph, tensors = graph_of(residual="r", act=Act("silu"), add_after_act=after)
    told = graph.inspect()
    ops = [node["params"].get("mode", node["type"]) for node in told["nodes"]]
    assert ops == ["CONV_FPROP", "bias", *(["swish", "add"] if after else ["add", "swish"])]
    conv = told["nodes"][0]["params"]
    assert (conv["pre_padding"], conv["post_padding"], conv["stride"]) == ([1, 2], [0, 1], [2, 1])
    by_uid = {t["uid"]: t for t in told["tensors"].values()}
    assert [by_uid[n]["is_virtual"] for n in tensors] == [False] * 5
    assert [by_uid[n]["dim"] for n in tensors[:3]] == [[2, 64, 32, 30], [32, 32, 3, 3], [1, 32, 1, 1]]
    assert by_uid[tensors[4]]["dim"] == by_uid[tensors[3]]["dim"] == [2, 32, *CONV.out]


@needs_cudnn
@pytest.mark.parametrize("storage, options, has_engine", [
    ("f32", {}, True),
    ("f32", {"act": Act("relu")}, True),
    ("f32", {"act": Act("silu")}, False),
])  # fmt: skip
def test_cudnn_plans_for_an_h100_what_it_has_an_engine_for(storage, options, has_engine):
    import cudnn

    graph, _ = graph_of(storage, **options)
    graph.validate()
    graph.build_operation_graph()
    modes = [cudnn.heur_mode.A, cudnn.heur_mode.FALLBACK]
    if has_engine:
        graph.create_execution_plans(modes)
        return
    with pytest.raises(cudnn.cudnnGraphNotSupportedError, match="No valid engine configs"):
        graph.create_execution_plans(modes)


DESCRIPTORS = """
import json, sys
from cuda_ops.stand_in.install import install
install()
import numpy as np
from cuda_ops.launch import ACTS
from cuda_ops.libraries import library_missing
if library_missing("cublaslt"):
    sys.exit(77)
from nvmath.bindings import cublasLt as lt
from cuda_ops.libraries.cublaslt_matmul import describe
from cuda_ops.libraries.shapes import ProductShape

def read(get, kind_of, handle, attribute):
    held, size = np.zeros(1, kind_of(attribute)), np.zeros(1, np.uint64)
    get(handle, attribute, held.ctypes.data, held.nbytes, size.ctypes.data)
    return int(held[0])

shape = ProductShape(5, 7, 9, 4, 9, 45, 0, 9, 0, 1, 7, 35, ACTS["relu"], 0, 1.0)
d = describe(shape, "f16", True, 4096)
desc = [read(lt.matmul_desc_get_attribute, lt.get_matmul_desc_attribute_dtype, d.operation, getattr(lt.MatmulDescAttribute, n))
        for n in ("TRANSA", "TRANSB", "EPILOGUE", "BIAS_POINTER", "COMPUTE_TYPE")]
layouts = [[read(lt.matrix_layout_get_attribute, lt.get_matrix_layout_attribute_dtype, x, getattr(lt.MatrixLayoutAttribute, n))
            for n in ("TYPE", "ROWS", "COLS", "LD", "BATCH_COUNT", "STRIDED_BATCH_OFFSET")] for x in (d.b, d.a, d.y)]
tf32 = describe(shape, "f32", True, 0)
tf32 = read(lt.matmul_desc_get_attribute, lt.get_matmul_desc_attribute_dtype, tf32.operation, lt.MatmulDescAttribute.COMPUTE_TYPE)
print(json.dumps([desc, layouts, tf32, int(lt.Epilogue.RELU_BIAS)]))
"""  # noqa: E501


def test_cublaslts_descriptors_are_the_product_by_columns(gxx):
    """y^T [7, 5] = w [7, 9] x^T, w and x read as the columns of what lies by rows."""
    done = subprocess.run([sys.executable, "-c", DESCRIPTORS], capture_output=True, text=True, cwd=ROOT, timeout=300)
    if done.returncode == 77 or "there is no cuda.h" in done.stderr:
        pytest.skip("nvmath-python, cuBLASLt or cuda.h is not here")
    assert done.returncode == 0, done.stderr[-2000:]
    desc, layouts, tf32, relu_bias = json.loads(done.stdout)
    assert desc == [1, 0, relu_bias, 4096, 68] and tf32 == 77
    assert layouts == [[2, 9, 7, 9, 4, 0], [2, 9, 5, 9, 4, 45], [2, 7, 5, 7, 4, 35]]
