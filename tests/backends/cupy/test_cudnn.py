"""Convolutions by cuDNN's graphs, over a stand-in for its frontend that computes by NumPy."""

import ctypes
import sys
import types

import numpy as np
import pytest
from minikeras_cupy import cudnn
from minikeras_cupy.conv import Workspace
from minikeras_numpy import build_table
from minikeras_numpy.windows import Geometry

from minikeras import config
from minikeras.engine import backend as registry
from minikeras.engine import ranks
from minikeras.extend import BackendError, numpy_dtype
from minikeras.testing import backend_contract
from tests.backends.cupy import fake_cupy, fake_device
from tests.backends.cupy.conftest import needs_compiler

REFERENCE = build_table(np)
DTYPES = {
    "FLOAT": "float32",
    "HALF": "float16",
    "BFLOAT16": "bfloat16",
    "DOUBLE": "float64",
}


class Tensor:
    """cuDNN's: sizes (batch, channels, *spatial), and strides of memory."""

    def __init__(self, dim=None, stride=None, data_type=None, name=""):
        self.dim, self.stride, self.kind = dim, stride, data_type

    def set_output(self, flag):
        assert flag
        return self

    def set_data_type(self, kind):
        self.kind = kind
        return self

    def set_dim(self, dim):
        self.dim = dim
        return self

    def set_stride(self, stride):
        self.stride = stride
        return self

    def array(self, address):
        """The memory at an address, channels last."""
        dtype = numpy_dtype(DTYPES[self.kind])
        count = 1 + sum((d - 1) * s for d, s in zip(self.dim, self.stride, strict=True))
        raw = (ctypes.c_char * (count * dtype.itemsize)).from_address(address)
        strides = [s * dtype.itemsize for s in self.stride]
        whole = np.lib.stride_tricks.as_strided(
            np.frombuffer(raw, dtype), self.dim, strides
        )
        return np.moveaxis(whole, 1, -1)


class Graph:
    """cuDNN's: one convolution."""

    def __init__(
        self, frontend, io_data_type, intermediate_data_type, compute_data_type, handle
    ):
        assert (
            handle == frontend.handle() and intermediate_data_type == compute_data_type
        )
        assert (compute_data_type == "DOUBLE") == (io_data_type == "DOUBLE")
        self.frontend, self.done = frontend, []

    def tensor(self, name, dim, stride, data_type):
        return Tensor(dim, stride, data_type, name)

    def _made(self, row, operands, how):
        assert not hasattr(self, "row")
        self.row, self.operands, self.how, self.result = row, operands, how, Tensor()
        return self.result

    def conv_fprop(self, image, weight, **how):
        return self._made("conv", (image, weight), how)

    def conv_dgrad(self, loss, filter, **how):
        return self._made("conv_input_grad", (loss, filter), how)

    def conv_wgrad(self, image, loss, **how):
        return self._made("conv_filter_grad", (image, loss), how)

    def __getattr__(self, name):
        def step(*args):
            self.done.append((name, *args))

        if name in STEPS:
            return step
        raise AttributeError(name)

    def get_workspace_size(self):
        return 100

    def execute(self, pack, workspace, handle):
        assert [name for name, *_ in self.done] == list(STEPS)
        assert (
            handle == self.frontend.handle() and workspace and self.frontend.stream == 0
        )
        a, b = (t.array(pack[t]) for t in self.operands)
        out = self.result.array(pack[self.result])
        self.frontend.executed.append(self.row)
        how = self.how
        pads = zip(how["pre_padding"], how["post_padding"], strict=True)
        static = {
            "strides": tuple(how["stride"]),
            "padding": tuple(pads),
            "dilation": tuple(how["dilation"]),
        }
        # filters are (cout, *kernel, depth) here, and ours (*kernel, depth, cout)
        inward = lambda w: np.moveaxis(w, 0, -1)  # noqa: E731
        images = out if self.row == "conv_input_grad" else a
        if self.row == "conv_filter_grad":
            w = inward(out)
            static |= {
                "groups": images.shape[-1] // w.shape[-2],
                "kernel_shape": w.shape,
            }
            made = REFERENCE[self.row](a, b, **static)
            out[...] = np.moveaxis(made, -1, 0)
            return
        w = inward(b)
        static["groups"] = images.shape[-1] // w.shape[-2]
        if self.row == "conv_input_grad":
            static["input_shape"] = out.shape
        out[...] = REFERENCE[self.row](a, w, **static)


STEPS = (
    *("validate", "build_operation_graph", "create_execution_plans"),
    *("deselect_numeric_notes", "deselect_workspace_greater_than", "check_support"),
    "build_plans",
)


class Frontend(types.ModuleType):
    """The module cudnn."""

    data_type = types.SimpleNamespace(**{name: name for name in DTYPES})
    numerical_note = types.SimpleNamespace(
        NONDETERMINISTIC="random", DOWN_CONVERT_INPUTS="down", TENSOR_CORE="cores"
    )
    heur_mode = types.SimpleNamespace(A="A", FALLBACK="FALLBACK")

    def __init__(self):
        super().__init__("cudnn")
        self.executed, self.graphs, self.stream = [], [], None

    def handle(self):
        """That of the GPU in use: cuDNN takes no other there."""
        return 7 + fake_device.active[0].number

    create_handle = handle

    def set_stream(self, handle, stream):
        assert handle == self.handle()
        self.stream = stream

    def pygraph(self, **how):
        self.graphs.append(Graph(self, **how))
        return self.graphs[-1]


@pytest.fixture
def frontend(monkeypatch):
    module = Frontend()
    monkeypatch.setitem(sys.modules, "cudnn", module)
    return module


@pytest.fixture
def on_cudnn(frontend, standing_in):
    """The backend with cuDNN there, which is imported when the backend is made."""
    assert standing_in._maker.cudnn.module is frontend
    return standing_in


@needs_compiler
@pytest.mark.parametrize("name", ["conv", "conv_input_grad", "conv_filter_grad"])
def test_contract(on_cudnn, frontend, name):
    """One to three spatial axes, groups, strides, dilation, borders, each float dtype."""
    cases = backend_contract.cases([name])
    floats = [(c, d) for c, d in cases if d in ("float32", "bfloat16", "float64")]
    for case, dtype in floats:
        backend_contract.check_case("cupy", case, dtype)
    assert len(frontend.executed) >= len(floats) and set(frontend.executed) == {name}


def test_plans_share_one_workspace(on_cudnn):
    g = Geometry(2, (6, 6), 3, (2, 2), (1, 1), ((0, 0), (0, 0)), (1, 1), 4)
    one, two = (on_cudnn._maker.cudnn.plan("conv", g, "float32") for _ in range(2))
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 6, 6, 3)), rng.normal(size=(2, 2, 3, 4))
    x, w = (on_cudnn.from_host(v.astype("f4")) for v in (x, w))
    made = [on_cudnn.from_host(np.zeros((2, 5, 5, 4), "f4")) for _ in range(2)]
    one(x, w, made[0])
    kept = on_cudnn._maker.workspace.arrays()
    two(x, w, made[1])
    assert len(kept) == 2  # cuDNN's own and the turned filters
    assert on_cudnn._maker.workspace.arrays() == kept or all(
        a is b for a, b in zip(on_cudnn._maker.workspace.arrays(), kept, strict=True)
    )
    np.testing.assert_array_equal(made[0].get(), made[1].get())


def convolved(on_cudnn):
    g = Geometry(2, (6, 6), 3, (2, 2), (1, 1), ((0, 0), (0, 0)), (1, 1), 4)
    shapes = {"x": (2, 6, 6, 3), "w": (2, 2, 3, 4), "y": (2, 5, 5, 4)}
    rng = np.random.default_rng(0)
    host = {n: rng.normal(size=s).astype("f4") for n, s in shapes.items()}
    x, w, y = (on_cudnn.from_host(v) for v in host.values())
    rows = {
        "conv": (x, w, y),
        "conv_input_grad": (y, w, x),
        "conv_filter_grad": (x, y, w),
    }
    for name, arrays in rows.items():
        on_cudnn._maker.cudnn.plan(name, g, "float32")(*arrays)
    return y


def test_the_filters_are_turned_once_a_call(on_cudnn, monkeypatch):
    """Their copies are all that there is beside cuDNN's own kernels."""
    put, copies = fake_cupy.ndarray.__setitem__, []

    def noted(self, key, value):
        copies.append(self.size)
        put(self, key, value)

    monkeypatch.setattr(fake_cupy.ndarray, "__setitem__", noted)
    convolved(on_cudnn)
    assert copies == [2 * 2 * 3 * 4] * 3


def test_a_rank_has_handles_of_its_own_gpu(frontend, monkeypatch):
    """The backend was made on the first GPU; the rank takes another."""
    module = fake_cupy.make(devices=2)
    fake_cupy.installed(monkeypatch, module)
    backend = registry.load("cupy")
    before, first = np.asarray(convolved(backend).get()), backend._maker
    chosen = []

    def nccl(host, cupy, number):
        chosen.append(number)
        cupy.cuda.Device(number % 2).use()
        return host

    monkeypatch.setattr(sys.modules["minikeras_cupy.backend"], "nccl_over", nccl)
    backend.communicator(ranks.ALONE, 0)
    assert backend._maker is first
    backend.communicator(ranks.ALONE, 3)
    assert chosen == [0, 3] and backend._maker is not first
    np.testing.assert_array_equal(convolved(backend).get(), before)
    registry._loaded.pop("cupy", None)


def test_tensor_cores_are_left_out_of_exact_products(on_cudnn, frontend):
    g = Geometry(2, (6, 6), 3, (2, 2), (1, 1), ((0, 0), (0, 0)), (1, 1), 4)

    def unwanted(dtype):
        on_cudnn._maker.cudnn.plan("conv", g, dtype)
        ((_, notes),) = [d for d in frontend.graphs[-1].done if "notes" in d[0]]
        return set(notes)

    try:
        assert unwanted("float32") == {"random", "down", "cores"}
        assert unwanted("bfloat16") == {"random"}
        config.set_matmul_precision("high")
        assert unwanted("float32") == {"random", "down"}
    finally:
        config.set_matmul_precision("highest")


def test_cudnn_is_required_or_left_alone(monkeypatch, caplog):
    module = fake_cupy.make()
    monkeypatch.setitem(sys.modules, "cudnn", None)
    with caplog.at_level("INFO", "minikeras"):
        assert cudnn.Library(module, Workspace(module)).module is None
    assert len([r for r in caplog.records if "im2col" in r.getMessage()]) == 1
    monkeypatch.setenv("MINIKERAS_CUDNN", "require")
    with pytest.raises(BackendError, match=r"MINIKERAS_CUDNN=require.*cudnn12"):
        cudnn.Library(module, Workspace(module))
    monkeypatch.setenv("MINIKERAS_CUDNN", "off")
    caplog.clear()
    assert cudnn.Library(module, Workspace(module)).module is None
    assert not caplog.records
    monkeypatch.setenv("MINIKERAS_CUDNN", "yes")
    with pytest.raises(BackendError, match="'require', 'off'"):
        cudnn.Library(module, Workspace(module))


def test_what_cudnn_declines_is_said_once(monkeypatch, caplog):
    """Every plan that it refuses goes to im2col; with `require` that is an error."""

    class Refusing(types.ModuleType):
        data_type = types.SimpleNamespace(FLOAT=0)

        @staticmethod
        def create_handle():
            return 1

        @staticmethod
        def pygraph(**how):
            raise ValueError("no such plan")

    monkeypatch.setitem(sys.modules, "cudnn", Refusing("cudnn"))
    g = Geometry(2, (6, 6), 3, (2, 2), (1, 1), ((0, 0), (0, 0)), (1, 1), 4)
    module = fake_cupy.make()
    library = cudnn.Library(module, Workspace(module))
    with caplog.at_level("INFO", "minikeras"):
        for _ in range(3):
            assert library.plan("conv", g, "float32") is None
    (record,) = caplog.records
    assert "declines conv of float32: ValueError: no such plan" in record.getMessage()
    monkeypatch.setenv("MINIKERAS_CUDNN", "require")
    with pytest.raises(BackendError, match="declines conv"):
        cudnn.Library(module, Workspace(module)).plan("conv", g, "float32")
