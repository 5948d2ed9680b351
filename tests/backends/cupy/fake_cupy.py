"""A stand-in for the module cupy, over NumPy: the whole backend runs on a CPU.

Its arrays are no NumPy arrays and refuse to become ones, as CuPy's do; its functions
have CuPy's signatures where they differ from NumPy's; its kernels are compiled
as C++ and run a warp in step (see `tests.backends.kernels.lockstep`).
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import sys
import types
from types import SimpleNamespace

import numpy as np
from minikeras_cupy import render

from tests.backends.cupy import fake_device
from tests.backends.kernels import lockstep


def do(work):
    """What the device does when its current stream comes to it."""
    fake_device.active[0].do(work)


def allocate(nbytes):
    """Every array of its own comes from the allocator in use."""
    fake_device.active[0].allocate(nbytes)


class MemoryPointer:
    """A place in a buffer."""

    def __init__(self, raw, offset=0):
        self.raw, self.offset = raw, offset

    def __add__(self, offset):
        return MemoryPointer(self.raw, self.offset + offset)

    @property
    def ptr(self):
        return self.raw.ctypes.data + self.offset


class ndarray(np.lib.mixins.NDArrayOperatorsMixin):  # CuPy's name
    """CuPy's array: `get()` is the only way to the host."""

    def __init__(self, shape, dtype=float, memptr=None):
        if memptr is None:
            self._a = np.empty(shape, dtype)
            allocate(self._a.nbytes)
        else:
            self._a = np.ndarray(shape, dtype, memptr.raw, memptr.offset)

    @classmethod
    def of(cls, host):
        made = cls.__new__(cls)
        made._a = np.asarray(host)
        return made

    def get(self):
        fake_device.active[0].synchronisations += 1
        return self._a.copy()

    def fill(self, value):
        do(lambda: self._a.fill(bare(value)))

    def view(self, dtype):
        return ndarray.of(self._a.view(dtype))

    def __array__(self, *args, **kwargs):
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if any(isinstance(v, np.ndarray) and v.ndim for v in inputs):
            raise TypeError("Unsupported type <class 'numpy.ndarray'>")
        out = kwargs.pop("out", None)
        function, given = getattr(ufunc, method), list(map(bare, inputs))
        if out is not None:
            kwargs["out"] = tuple(v._a for v in out)
            do(lambda: function(*given, **kwargs))
            return out[0]
        allocate(1)
        return ndarray.of(function(*given, **kwargs))

    def __getitem__(self, key):
        return ndarray.of(self._a[bare(key)])

    def __setitem__(self, key, value):
        if isinstance(value, np.ndarray) and value.ndim:
            raise TypeError("Unsupported type <class 'numpy.ndarray'>")
        where, number = bare(key), bare(value)
        do(lambda: self._a.__setitem__(where, number))

    def __iter__(self):
        return (self[i] for i in range(len(self._a)))

    def __len__(self):
        return len(self._a)

    def __int__(self):
        return int(self.get())

    def conj(self):
        return ndarray.of(self._a.conj())

    @property
    def real(self):
        return ndarray.of(self._a.real)

    @property
    def imag(self):
        return ndarray.of(self._a.imag)

    @property
    def data(self):
        return MemoryPointer(self._a)


def _attribute(name):
    return property(lambda self: getattr(self._a, name))


def _method(name):
    def method(self, *args, **kwargs):
        if name in ("astype", "copy", "sum", "max"):
            allocate(1)
        return wrapped(getattr(self._a, name)(*map(bare, args), **bare(kwargs)))

    return method


for _name in ("shape", "dtype", "ndim", "size", "strides", "flags", "itemsize"):
    setattr(ndarray, _name, _attribute(_name))
for _name in (
    "reshape",
    "transpose",
    "swapaxes",
    "astype",
    "copy",
    "sum",
    "max",
):
    setattr(ndarray, _name, _method(_name))


def bare(value):
    """Fake arrays inside a value as NumPy's."""
    if type(value) is ndarray:
        return value._a
    if isinstance(value, np.ndarray) and value.ndim:
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")
    if type(value) in (tuple, list):
        return type(value)(map(bare, value))
    if type(value) is dict:
        return {k: bare(v) for k, v in value.items()}
    return value


def wrapped(value):
    """NumPy's arrays and scalars as fake arrays: CuPy has no scalars."""
    return ndarray.of(value) if isinstance(value, (np.ndarray, np.generic)) else value


class _Submodule:
    """`cupy.linalg` or `cupy.fft`, by NumPy's functions."""

    def __init__(self, module):
        self._module = module

    def __getattr__(self, name):
        function = getattr(self._module, name)

        def call(*args, **kwargs):
            made = function(*map(bare, args), **bare(kwargs))
            return (
                tuple(map(wrapped, made)) if isinstance(made, tuple) else wrapped(made)
            )

        return call


_VIEWS = ("ascontiguousarray", "broadcast_to", "flip")


def _function(name):
    function = getattr(np, name)

    def call(*args, **kwargs):
        out = kwargs.get("out")
        given, more = list(map(bare, args)), bare(kwargs)

        def work():
            with np.errstate(all="ignore"):
                return wrapped(function(*given, **more))

        if out is None:
            if name not in _VIEWS:
                allocate(1)
            return work()
        do(work)
        return out

    return call


# The functions of numpy's name and signature that the kernels use; CuPy 14 has each.
NAMES = """
    add subtract multiply true_divide floor_divide remainder arctan2 maximum minimum
    nextafter gcd equal not_equal less less_equal greater greater_equal bitwise_and
    bitwise_or bitwise_xor left_shift right_shift negative absolute sign exp expm1 log
    log1p sqrt sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh
    floor ceil rint isnan isfinite isinf logical_not invert power where abs clip
    copysign full empty zeros ones arange broadcast_to zeros_like ones_like empty_like
    sum prod max min any all argmax argmin cumsum cumprod flip sort argsort concatenate
    ascontiguousarray take_along_axis matmul einsum tile eye full_like
""".split()  # noqa: SIM905 - readable


class Driver:
    """In place of CUDA's: kernels run on the processor, and all that is done is counted."""

    def __init__(self, cp):
        self.cp, self.compiled, self.launches, self._names = cp, [], 0, []

    def function(self, name, text):
        assert text.startswith(render.headers())
        lockstep.later(render.Source(name, text.removeprefix(render.headers())))
        self.compiled.append(name)
        self._names.append(name)
        return len(self._names) - 1

    def start(self, call):
        assert call.blocks >= 1
        self.launches += 1
        name, words = self._names[call.function], call.words.copy()
        do(lambda: lockstep.call(name, words))


def compile_eager(function):
    """Compile in one go the kernels of eager calls that a function makes.

    It is run on NumPy, where each call of a kernel is noted.
    """
    from minikeras.engine import backend as registry
    from minikeras.extend import Aval, Node, Value, lookup

    reference, cupy, calls = registry.load("numpy"), registry.load("cupy"), {}

    def noted(name, kernel):
        def call(*arrays, **static):
            avals = tuple(Aval(tuple(np.shape(a)), a.dtype.name) for a in arrays)
            calls.setdefault((name, avals, repr(static)), static)
            return kernel(*arrays, **static)

        return call

    plain = reference.kernels
    reference.kernels = {n: noted(n, k) for n, k in plain.items()}
    try:
        with registry.using("numpy"):
            function()
    finally:
        reference.kernels = plain
    for (name, avals, _), static in calls.items():
        row = lookup(name)
        if not row.multi:
            inputs = [*map(Value, avals)]
            cupy._maker.make(
                Node(row, inputs, [Value(row.infer(*avals, **static))], static)
            )


def _refuses_bfloat16(function):
    """As CuPy's sorts, `clip`, `einsum` and `unique` do, or worse."""

    def call(*args, **kwargs):
        if any(getattr(a, "dtype", np.dtype("f4")).name == "bfloat16" for a in args):
            raise TypeError("bfloat16 has no loop here")
        return function(*args, **kwargs)

    return call


def matmul(a, b, out=None):
    """CuPy's batched product of bfloat16 crashes."""
    assert a.dtype.name != "bfloat16" or max(a.ndim, b.ndim) == 2
    return _function("matmul")(a, b, out=out)


def where(condition, a, b):
    """CuPy's has no loop for bfloat16: it gives float32."""
    made = np.where(bare(condition), bare(a), bare(b))
    return ndarray.of(made.astype("f4") if made.dtype.name == "bfloat16" else made)


class Linalg:
    """`cupy.linalg` and `cupyx.errstate`: a failure gives NaN unless errors are to raise."""

    def __init__(self):
        self.raises = False

    def __getattr__(self, name):
        plain = getattr(_Submodule(np.linalg), name)

        def call(*args, **kwargs):
            try:
                return plain(*args, **kwargs)
            except np.linalg.LinAlgError:
                if self.raises:
                    raise
                return ndarray.of(np.full(args[0].shape, np.nan, args[0].dtype))

        return call

    @contextlib.contextmanager
    def errstate(self, *, linalg):
        assert linalg == "raise"
        before, self.raises = self.raises, True
        try:
            yield
        finally:
            self.raises = before


def take(a, indices, axis=None, out=None):
    """CuPy's has no mode; it wraps indices."""
    result = np.take(a._a, indices._a, axis=axis, mode="wrap")
    if out is None:
        return ndarray.of(result)
    out._a[...] = result
    return out


class OutOfMemoryError(MemoryError):
    """CuPy's."""


class Pool:
    """CuPy's memory pool, as far as its figures go."""

    def __init__(self):
        self.limit, self.freed = 0, 0

    def set_limit(self, size):
        self.limit = size

    def get_limit(self):
        return self.limit

    def used_bytes(self):
        return 3 << 20

    def total_bytes(self):
        return 4 << 20

    def free_all_blocks(self):
        self.freed += 1


def make(devices=1):
    """The module; `devices` may be an exception to raise when they are counted."""
    module = types.ModuleType("cupy")
    module.__spec__ = importlib.machinery.ModuleSpec("cupy", None)
    for name in NAMES:
        setattr(module, name, _function(name))

    def count():
        if isinstance(devices, Exception):
            raise devices
        return devices

    device = fake_device.active[0] = module.device = fake_device.Device()
    module.cuda = SimpleNamespace(
        runtime=SimpleNamespace(
            getDeviceCount=count,
            free=lambda pointer: None,
            memGetInfo=lambda: (1 << 20, 64 << 20),
            memcpyAsync=device.memcpy_async,
            memcpyHostToDevice=1,
            memcpyDeviceToDevice=3,
        ),
        Device=fake_device.device_class(device),
        memory=SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
        get_current_stream=lambda: device.current[-1],
        Stream=lambda non_blocking: fake_device.Stream(device, non_blocking),
        Event=fake_device.Event,
        alloc_pinned_memory=fake_device.Pinned,
        using_allocator=device.using_allocator,
    )
    pool = Pool()
    module.get_default_memory_pool = lambda: pool
    module.get_default_pinned_memory_pool = lambda: pool
    module.ndarray, module.take = ndarray, take
    module.asarray = lambda a: a if type(a) is ndarray else ndarray.of(np.array(a))
    module.array = lambda a, order="C": ndarray.of(np.array(bare(a), order=order))
    for name in ("bool_", "int32", "int64", "uint32", "uint64", "float32", "float64",
                 "complex64", "complex128"):  # fmt: skip
        setattr(module, name, getattr(np, name))
    module.linalg, module.fft = Linalg(), _Submodule(np.fft)
    module.where = where
    module.unique, module.matmul = _function("unique"), matmul
    for name in ("sort", "argsort", "clip", "einsum", "unique"):
        setattr(module, name, _refuses_bfloat16(getattr(module, name)))
    module.inf, module.nan = np.inf, np.nan
    return module


def installed(monkeypatch, module):
    """Put the stand-in where `import cupy` finds it; no backend is loaded yet."""
    from minikeras.engine import backend as registry

    monkeypatch.setitem(sys.modules, "cupy", module)
    cupyx = types.ModuleType("cupyx")
    cupyx.errstate = module.linalg.errstate
    monkeypatch.setitem(sys.modules, "cupyx", cupyx)
    monkeypatch.setattr(sys.modules["minikeras_cupy.backend"], "Driver", Driver)
    monkeypatch.setattr(
        sys.modules["minikeras_cupy.kernels"], "library", fake_device.cublas
    )
    # Noted as missing, so that it is missing again afterwards, whatever the test loads.
    registry._loaded.pop("cupy", None)
    monkeypatch.setitem(registry._loaded, "cupy", None)
    del registry._loaded["cupy"]
    monkeypatch.setattr(registry, "_active", registry._active)
