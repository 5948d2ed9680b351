"""Every native kernel on arrays that end, or begin, at a page nobody may touch.

Run as a script, since a kernel that reads too far ends the process. Values, scratch
memory and results all lie at such pages. The last line of a good run names the
primitives of which kernels ran.
"""

import ctypes
import faulthandler
import mmap
import sys

import minikeras_numba as package
import numpy as np
from minikeras_numba.backend import _SINGLE_KINDS, LOWERINGS, NumbaBackend
from minikeras_numba.fusion import fused
from minikeras_numba.machine import team
from minikeras_numba.products import matmul_few
from minikeras_numba.products.winograd import grid
from minikeras_numba.sequences import chain, recurrent
from minikeras_numba.tiles import scratch

import minikeras as keras
from minikeras.engine import backend as registry
from minikeras.engine.aval import Aval
from minikeras.engine.compile import jit
from minikeras.engine.dtypes import numpy_dtype
from minikeras.engine.graph import Node, Value
from minikeras.engine.passes import chains
from minikeras.engine.primitive import lookup
from minikeras.engine.prims.banded import Band
from minikeras.engine.tensor import from_numpy
from minikeras.testing import backend_contract
from minikeras.testing.cases.recurrences import _args, _static

PAGE = mmap.PAGESIZE
_protect = ctypes.CDLL(None, use_errno=True).mprotect
_protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


class Guard:
    """Makes arrays at a guarded page: they end at it, or begin behind it."""

    front = False

    def empty(self, shape, dtype, align=1):
        dtype = np.dtype(dtype)
        nbytes = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        pages = max(1, -(-nbytes // PAGE))
        memory = mmap.mmap(-1, (pages + 1) * PAGE)
        base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        closed = 0 if self.front else pages
        assert _protect(base + closed * PAGE, PAGE, 0) == 0
        end = pages * PAGE - nbytes
        start = PAGE if self.front else end - end % align
        return np.ndarray(shape, dtype, memory, start)

    def like(self, array):
        made = self.empty(array.shape, array.dtype)
        made[...] = array
        return made

    def scratch(self, nbytes):
        return self.empty((max(1, nbytes),), np.uint8, align=64)


guard = Guard()


def install():
    """Give the backend guarded memory wherever it asks for some; small chains too."""
    chains.LEAST_BYTES = 0
    for module in (scratch, matmul_few, recurrent):
        module.owned = guard.scratch
    fused.empty = lambda shape, dtype: guard.empty(
        tuple(shape), fused._NUMPY_STORE.get(dtype) or dtype
    )
    cls = NumbaBackend
    # Scratch begins at cache lines, other values where they may.
    cls.view = lambda self, buffer, offset, shape, dtype: guard.empty(
        tuple(shape), numpy_dtype(dtype), align=64 if dtype == "uint8" else 1
    )
    cls.copy = lambda self, array: guard.like(np.asarray(array))
    lower = cls.lower

    def noted(self, node, regs):
        step = lower(self, node, regs)
        if chain.is_native(step):
            ran.add(node.prim.name)
        return step

    cls.lower = noted


ran = set()


def reference(row, arrays, static):
    """What NumPy gives: by its kernel, or by the row's composition."""
    kernel = registry.load("numpy").kernels.get(row.name)
    if kernel is not None:
        return kernel(*arrays, **static)
    keras.config.set_backend("numpy")
    made = row.composition(*map(from_numpy, arrays), **static)
    keras.config.set_backend("numba")
    return tuple(t.numpy() for t in made) if row.multi else made.numpy()


def run(name, arrays, static, wanted=None, tolerance=1e-3):
    """One node on guarded arrays, beside the reference kernel's results."""
    row = lookup(name)
    what = f"{name} {[(a.shape, a.dtype.name) for a in arrays]} {static}"
    print(what, "front" if guard.front else "", flush=True)
    backend = registry.load("numba")
    inputs = [Value(Aval(a.shape, a.dtype.name)) for a in arrays]
    made = row.infer(*(v.aval for v in inputs), **static)
    outputs = [Value(a) for a in ([made] if isinstance(made, Aval) else made)]
    regs = {v: i for i, v in enumerate((*inputs, *outputs))}
    step = backend.lower(Node(row, inputs, outputs, static), regs)
    if not chain.is_native(step):
        return
    registers = backend.registers(len(regs))
    for i, array in enumerate(arrays):
        registers[i] = guard.like(array)
    for v in outputs:
        registers[regs[v]] = guard.empty(v.aval.shape, numpy_dtype(v.aval.dtype))
        registers[regs[v]][...] = 77
    step(registers)
    if wanted is None:
        wanted = reference(row, arrays, static)
        wanted = wanted if row.multi else (wanted,)
    for v, want in zip(outputs, wanted, strict=True):
        backend_contract.assert_close(registers[regs[v]], want, tolerance, what)


def rows(share):
    """The cases of the table of primitives."""
    for case, dtype in backend_contract.cases()[share::2]:
        if case.name not in LOWERINGS and case.row.kind not in _SINGLE_KINDS:
            continue
        run(case.name, case.draw(dtype), case.static, tolerance=4e-2)


def drawing(rng, dtype):
    return lambda *shape: rng.standard_normal(shape).astype(dtype)


def contractions(rng, count):
    """Random products, convolutions and poolings, and their gradients."""
    for _ in range(count):
        dtype = str(rng.choice(["float32", "float64"]))
        draw = drawing(rng, dtype)
        m, k, n = (int(v) for v in rng.integers(1, 40, 3))
        ta, tb = (bool(v) for v in rng.integers(0, 2, 2))
        a = draw(k, m) if ta else draw(m, k)
        run("matmul", [a, draw(n, k) if tb else draw(k, n)],
            {"transpose_a": ta, "transpose_b": tb})  # fmt: skip
        a = np.maximum(draw(64, 70), 0) * (rng.random((64, 70)) < 0.3)
        run("matmul", [a.astype(dtype), draw(70, n)],
            {"transpose_a": False, "transpose_b": False})  # fmt: skip
        few_rows(rng, int(rng.choice([1, 2, 5, 11])), k + 120, n + 60)
        rank, groups = int(rng.integers(1, 4)), int(rng.choice([1, 1, 2, 3]))
        per, out = int(rng.integers(1, 6)), int(rng.integers(1, 12))
        if rng.random() < 0.2:
            groups, per, out = int(rng.integers(2, 20)), 1, 1
        size = [int(v) for v in rng.integers(5, 9 if rank == 3 else 15, rank)]
        kernel = [int(v) for v in rng.integers(1, 4, rank)]
        static = {
            "strides": tuple(int(v) for v in rng.integers(1, 3, rank)),
            "padding": tuple(tuple(map(int, rng.integers(0, 2, 2))) for _ in size),
            "dilation": tuple(int(v) for v in rng.integers(1, 3, rank)),
            "groups": groups,
        }
        convolve(draw, size, kernel, per, out, static)


def winograd(rng):
    """Convolutions by Winograd, whether that pays or not, of both its kinds of windows."""
    pays = grid.pays
    grid.pays = lambda work: True
    for window in (3, 5):
        for _ in range(2):
            low = rng.integers(0, window // 2 + 1, (2, 2)).tolist()
            static = {"strides": (1, 1), "dilation": (1, 1), "groups": 1}
            static["padding"] = tuple(map(tuple, low))
            size = rng.integers(window, 22, 2).tolist()
            channels, filters = rng.integers(1, 36, 2).tolist()
            draw = drawing(rng, "float32")
            convolve(draw, size, [window] * 2, channels, filters, static)
    grid.pays = pays


def products(rng):
    """Stacks of matrices, also in 16 bits; tall ones; those that go through in pieces."""
    plain = {"transpose_a": False, "transpose_b": False}
    for dtype in ("float32", "float64", "bfloat16", "float16"):
        draw = drawing(rng, dtype)
        m, k, n = (int(v) for v in rng.integers(1, 40, 3))
        a, b = draw(2, 3, m, k), draw(*rng.choice([1, 3], 1).tolist(), k, n)
        run("matmul", [a, b], plain, tolerance=1e-2 if "6" in dtype[-2:] else 1e-3)
        if "6" not in dtype[-2:]:
            tall = [draw(1024 + m, n), draw(1024 + m, 24)]
            run("matmul", tall, {"transpose_a": True, "transpose_b": False})
            run("matmul", [draw(17, 1540), draw(1540, n)], plain)


def windows(rng):
    """Poolings of random windows."""
    for dtype in ("float32", "float64", "float16", "bfloat16"):
        size = rng.integers(4, 11, int(rng.integers(1, 4))).tolist()
        window = rng.integers(1, 4, len(size)).tolist()
        static = {
            "window": tuple(window),
            "strides": tuple(rng.integers(1, 4, len(size)).tolist()),
            "padding": tuple(tuple(rng.integers(0, w, 2).tolist()) for w in window),
        }
        x = drawing(rng, dtype)(2, *size, int(rng.integers(1, 40)))
        for name in ("max_pool", "sum_pool"):
            run(name, [x], static, tolerance=5e-2)


def recurrences(rng, dtype):
    """Sequences of which the threads share out the columns, as those of large kernels."""
    least = recurrent.FEW_BYTES, recurrent.MANY_BYTES
    recurrent.FEW_BYTES = recurrent.MANY_BYTES = 0
    for name in ("lstm", "gru", "simple_rnn"):
        for sizes in ((2, 3, 70), (1, 2, 48)):
            mask = rng.random(sizes[:2]) < 0.6 if sizes[0] == 2 else None
            arrays = [a.draw(rng, dtype) for a in _args(name, sizes, mask)]
            run(name, arrays, _static(name, sizes[0] == 2, "tanh"))
    recurrent.FEW_BYTES, recurrent.MANY_BYTES = least


def transforms(rng, dtype):
    """Fourier transforms of lines that are no whole vectors, nor whole groups."""
    for lines, length in ((17, 5), (16, 1), (9, 60), (40, 16), (33, 35)):
        arrays = [rng.standard_normal((lines, length)).astype(dtype) for _ in "ri"]
        run("fft", arrays, {"inverse": bool(lines % 2)})


def others(rng, count):
    """Random cases of the rows that choose, move, scan and scatter.

    Indices are also out of range where the row drops such.
    """
    for _ in range(count):
        dtype = str(rng.choice(["float32", "float64", "float16", "int32", "uint8"]))
        rank = int(rng.integers(1, 4))
        shape = tuple(map(int, rng.integers(1, (0, 400, 70, 20)[rank], rank)))
        axis = int(rng.integers(rank))
        x = (rng.standard_normal(shape) * 9).astype(dtype)
        along = {"axis": axis}
        for name in ("argmax", "argmin"):
            run(name, [x], along)
        if dtype[0] != "u":
            run(
                "cumsum",
                [x],
                {**along, "reverse": bool(rng.integers(2))},
                tolerance=4e-2,
            )
        run("top_k", [x], {"k": int(rng.integers(0, shape[-1] + 1))})
        run("transpose", [x], {"perm": tuple(map(int, rng.permutation(rank)))})
        run("flip", [x], {"axes": (axis,)})
        sizes = [int(rng.integers(n)) for n in shape]
        stops = tuple(int(rng.integers(a, n)) + 1 for a, n in zip(sizes, shape))
        steps = tuple(map(int, rng.integers(1, 4, rank)))
        cut = {"starts": tuple(sizes), "stops": stops, "steps": steps}
        run("slice", [x], cut)
        part = x[tuple(map(slice, sizes, stops, steps))]
        run("pad_strided", [part], {"shape": shape, **cut})
        widths = tuple((int(a), int(b)) for a, b in rng.integers(0, 9, (rank, 2)))
        run("pad", [x, x.reshape(-1)[0]], {"widths": widths})
        run("concat", [x, np.take(x, [0], axis), x], along)
        chosen(rng, x, axis)
        scattered(rng, x, axis)


def chosen(rng, x, axis):
    """Elements by index, and products with a band."""
    size, lanes = x.shape[axis], int(rng.integers(1, 60))
    kind = str(rng.choice(["int32", "int64", "uint8"]))
    at = rng.integers(0, min(size, 256), lanes).astype(kind)
    run("take", [x, at], {"axis": axis})
    shape = (*x.shape[:axis], lanes, *x.shape[axis + 1 :])
    places = rng.integers(0, size, shape).astype("int32")
    run("take_along_axis", [x, places], {"axis": axis})
    if x.dtype.kind == "f":
        run("put_along_axis_add", [np.ones(shape, x.dtype), places],
            {"shape": x.shape, "axis": axis}, tolerance=4e-2)  # fmt: skip
        matrix = rng.standard_normal((size, int(rng.integers(1, 30))))
        matrix[rng.random(matrix.shape) < 0.5] = 0
        run("banded", [x], {"band": Band.of(matrix), "axis": axis}, tolerance=5e-2)
        sorted_ = np.sort(x.reshape(-1)[:200])
        run("searchsorted", [sorted_, x], {"right": bool(rng.integers(2))})
        coordinates = [rng.standard_normal((2, *x.shape[:1], 7)) * 20 for _ in range(2)]
        kind = "float64" if x.dtype == "float64" else "float32"
        coordinates = [c.astype(kind) for c in coordinates]
        picture = (rng.standard_normal((2, *rng.integers(1, 12, 3)))).astype(kind)
        border = str(rng.choice(["constant", "reflect", "nearest", "wrap", "mirror"]))
        how = {"order": int(rng.integers(2)), "border": border}
        zero = np.zeros((), kind)
        run("resample", [picture, zero, *coordinates], how, tolerance=5e-2)


def scattered(rng, x, axis):
    """Sums and extremes of what shares an index, and triangular factors."""
    count = int(rng.integers(1, 50))
    at = rng.integers(-2, count + 3, x.shape[axis]).astype("int32")
    shape = (*x.shape[:axis], count, *x.shape[axis + 1 :])
    if x.dtype.kind == "f":
        run("scatter_add_axis", [x, at], {"shape": shape, "axis": axis}, tolerance=0.1)
        a = rng.standard_normal((int(rng.integers(1, 4)), *rng.integers(1, 12, 2)))
        run("lu", [a.astype("float64" if x.dtype == "float64" else "float32")], {})
        stacked(rng, "float64" if x.dtype == "float64" else "float32")
    ids = rng.integers(0, count, x.shape[0]).astype("int32")
    least = 0 if x.dtype == "uint8" else -99
    for how, start in (("max", least), ("min", 255 if least == 0 else 99), ("mul", 1)):
        how = {"count": count, "how": how, "start": start}
        small = np.sign(x) if how["how"] == "mul" else x
        run("segment_combine", [small, ids], how)


def stacked(rng, kind):
    """Stacks of matrices; their decompositions beside those on plain memory."""
    kernels = registry.load("numba").kernels
    n, m, columns = (int(i) for i in rng.integers(1, 20, 3))
    count = int(rng.integers(8, 40))
    a = (rng.standard_normal((count, n, n)) + 6 * np.eye(n)).astype(kind)
    b = rng.standard_normal((count, n, columns)).astype(kind)
    x = rng.standard_normal((count, n, m)).astype(kind)
    run("lu", [x], {})
    triangle = {"lower": bool(rng.integers(2)), "transpose_a": bool(rng.integers(2))}
    for name, arrays, static in (
        ("cholesky", [a @ a.swapaxes(-1, -2)], {}),
        ("solve", [a, b], {}),
        ("triangular_solve", [a, b], triangle),
        ("qr", [x], {"full": bool(rng.integers(2))}),
        ("eigh", [a], {}),
        ("svd", [x], {"full": False}),
    ):
        made = kernels[name](*arrays, **static)
        run(name, arrays, static, made if isinstance(made, tuple) else (made,))


def few_rows(rng, m, k, n):
    dtype = str(rng.choice(["bfloat16", "float16", "float32", "float64"]))
    for turned in (False, True):
        shape = (n, k) if turned else (k, n)
        arrays = [rng.standard_normal(s).astype(dtype) for s in ((m, k), shape)]
        static = {"transpose_a": False, "transpose_b": turned}
        run("matmul", arrays, static, tolerance=1e-2 if "6" in dtype[-2:] else 1e-3)


def convolve(draw, size, kernel, per, out, static):
    groups = static["groups"]
    x, w = draw(3, *size, per * groups), draw(*kernel, per, out * groups)
    run("conv", [x, w], static)
    conv = registry.load("numpy").kernels["conv"]
    dy = draw(*conv(x, w, **static).shape)
    run("conv_input_grad", [dy, w], {"input_shape": x.shape, **static})
    run("conv_filter_grad", [x, dy], {"kernel_shape": w.shape, **static})


def training(rng, dtype, width):
    """Steps of whole models, whose groups, tails and chains no table of rows has."""
    layers = keras.layers
    keras.config.set_floatx(dtype)
    picture = [
        layers.Conv2D(width, 3, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.Activation("gelu"),
        layers.MaxPooling2D(2),
        layers.DepthwiseConv2D(3, activation="relu"),
        layers.Dropout(0.3),
        layers.AveragePooling2D(2),
        layers.Flatten(),
        layers.Dense(width + 2, activation="tanh"),
        layers.Dense(3, activation="softmax"),
    ]
    text = [
        layers.Embedding(11, width),
        layers.LSTM(width, return_sequences=True),
        layers.GRU(width + 1, return_sequences=True),
        layers.SimpleRNN(width, return_sequences=True),
        Attention(),
        layers.GlobalAveragePooling1D(),
        layers.Dense(3, activation="softmax"),
    ]
    y = rng.integers(0, 3, 5)
    for stack, x in (
        (picture, rng.standard_normal((5, 15, 13, 3))),
        (text, rng.integers(0, 11, (5, 7))),
    ):
        print("training", dtype, width, "front" if guard.front else "", flush=True)
        model = keras.Sequential(stack)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        before = float(model.train_on_batch(x, y)[0])
        for _ in range(2):
            after = float(model.train_on_batch(x, y)[0])
        assert np.isfinite([before, after]).all()
        assert model.predict(x, verbose=0).shape == (5, 3)


def loops_and_predictions(rng):
    """Loops as native calls, and what is kept of weights from one run to the next."""
    layers = keras.layers
    cell = Leaky(7)
    looped = keras.Sequential([layers.RNN(cell), layers.Dense(3)])
    looped.compile("sgd", "mse")
    x = rng.standard_normal((3, 5, 6))
    looped.train_on_batch(x, np.zeros((3, 3)))
    assert np.isfinite(looped.predict(x, verbose=0)).all()
    dense = [
        layers.Dense(203, activation="relu"),
        layers.Dense(37, activation="gelu"),
        layers.Reshape((-1, 1)),
        layers.Conv1D(19, 3, activation="relu"),
        layers.GlobalMaxPooling1D(),
        layers.Dense(5),
    ]
    model = keras.Sequential(dense)
    for rows in (1, 9, 33):
        x = rng.standard_normal((rows, 131))
        for _ in range(2):
            print("prediction", rows, "front" if guard.front else "", flush=True)
            made = model.predict(x, batch_size=rows, verbose=0)
            np.testing.assert_allclose(made, model(x), rtol=2e-3, atol=2e-5)
            model.weights[0].assign(model.weights[0] * 0.5)


class Leaky(keras.layers.Layer):
    """A recurrent cell that no kernel knows."""

    def __init__(self, units):
        super().__init__()
        self.units = self.state_size = units

    def build(self, shape):
        self.kernel = self.add_weight((shape[-1], self.units))
        self.recurrent = self.add_weight((self.units, self.units))

    def call(self, x, states):
        ops = keras.ops
        past = ops.matmul(states[0], self.recurrent)
        made = ops.tanh(ops.matmul(x, self.kernel) + past) + states[0] * 0.1
        return made, [made]


class Attention(keras.layers.Layer):
    """Self-attention, layer normalization and a residual sum."""

    def build(self, shape):
        self.norm = keras.layers.LayerNormalization()
        self.inner = keras.layers.MultiHeadAttention(2, 3)
        self.norm.build(shape)
        self.inner.build(shape, shape)

    def call(self, x):
        y = self.norm(x)
        return x + self.inner(y, y)


def elementwise(rng, dtype):
    """Groups over odd shapes: rows, columns, scalars, and folds along each axis."""
    ops = keras.ops
    for shape in ((1,), (7, 13), (3, 5, 9), (2, 33), (130, 3)):
        x = rng.standard_normal(shape).astype(dtype)
        row, column = x[:1] * 0 + 1, x[..., :1] * 0 + 2

        def step(x, row, column):
            y = ops.tanh(x * row + column) * 2.0
            return [y, *(ops.sum(y, axis=d) for d in range(y.ndim)), ops.mean(y)]

        arrays = jit(step)(*(guard.like(a) for a in (x, row, column)))
        y = np.tanh(x.astype("float64") * 1 + 2) * 2
        np.testing.assert_allclose(arrays[0].numpy().astype("float64"), y, atol=4e-2)


def main(share):
    """One of two halves of the work."""
    faulthandler.enable()
    assert package.backend is not None
    keras.config.set_backend("numba")
    install()
    for front in (False, True):
        guard.front = front
        for threads in (1, 3):
            team.set_threads(threads)
            rng = np.random.default_rng(threads + 10 * share)
            if threads == 1:
                rows(share)
            contractions(rng, 12)
            others(rng, 2)
        for dtype in ("float32", "float64", "float16", "bfloat16", "int32")[share::2]:
            elementwise(rng, dtype) if dtype != "int32" else None
        transforms(rng, ("float32", "float64")[share])
        recurrences(rng, ("float32", "float64")[share])
        (winograd, products)[share](rng)
        (loops_and_predictions, windows)[share](rng)
        training(rng, ("float32", "float64")[share], 5 if front else 9)
    print(*sorted(ran))


if __name__ == "__main__":
    main(int(sys.argv[1]))
