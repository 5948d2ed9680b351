"""Casts: every pair of dtypes at the edges, on every backend and against Keras on JAX."""

import numpy as np
import pytest

from minikeras import ops
from minikeras.engine.compile import jit
from minikeras.engine.dtypes import is_float, is_integer, numpy_dtype
from minikeras.variable import Variable
from tests.goldens.oracle import keras, oracle
from tests.ops import casts

every_source = pytest.mark.parametrize("source", casts.SOURCES)


@every_source
def test_every_pair_eager_and_compiled(source, backend):
    array = casts.values(source)
    x = ops.convert_to_tensor(array)
    compiled = jit(lambda x: [ops.cast(x, target) for target in casts.TARGETS])(x)
    for target, staged in zip(casts.TARGETS, compiled, strict=True):
        wanted = casts.cast(array, target)
        eager = ops.cast(x, target).numpy()
        casts.assert_same(eager, wanted, f"{source} to {target}")
        casts.assert_same(staged.numpy(), wanted, f"{source} to {target}, compiled")


@pytest.mark.parametrize("source", casts.FLOAT_SOURCES)
def test_a_cast_alone_inside_a_chain_and_before_a_reduction(source, backend):
    array = casts.values(source)
    array[np.isnan(array)] = 0
    whole = casts.cast(array, "uint8")
    alone = jit(lambda x: ops.cast(x, "uint8"))(array)
    casts.assert_same(alone.numpy(), whole, "alone")
    chain = jit(lambda x: ops.cast(ops.cast(-x, "int8"), "float32") * 2)(array)
    doubled = casts.cast(-array, "int8").astype("float32") * 2
    casts.assert_same(np.abs(chain.numpy()), np.abs(doubled), "chain")
    total = jit(lambda x: ops.sum(ops.cast(x, "int32") % 1000))(array)
    assert int(total) == int((casts.cast(array, "int32") % 1000).sum())


@pytest.mark.parametrize("source", casts.FLOAT_SOURCES)
def test_sizes_of_blocks_and_of_nothing(source, backend):
    """Only one block of many holds what needs clipping; empty arrays have no least value."""
    array = np.zeros(200_000, numpy_dtype(source))
    array[-3:] = [300, -5, float("nan")]
    staged = jit(lambda x: ops.cast(x + x, "uint8"))
    assert staged(array).numpy()[-4:].tolist() == [0, 255, 0, 0]
    assert staged(array[:0]).numpy().shape == (0,)
    assert ops.cast(ops.convert_to_tensor(array[:0]), "int8").shape == (0,)
    scalar = ops.convert_to_tensor(array[-3])
    assert int(ops.cast(scalar, "int8")) == int(jit(ops.cast)(scalar, "int8")) == 127


@every_source
def test_arrays_of_numpy_are_converted_by_the_same_rule(source):
    array = casts.values(source)
    for target in casts.TARGETS:
        wanted = casts.cast(array, target)
        made = ops.convert_to_tensor(array, target).numpy()
        casts.assert_same(made, wanted, f"{source} to {target}")


def test_values_of_constants_and_variables():
    assert ops.full((2,), 300.7, "uint8").tolist() == [255, 255]
    assert ops.full((2,), 300, "uint8").tolist() == [44, 44]
    assert ops.full((2,), float("nan"), "int32").tolist() == [0, 0]
    staged = jit(lambda: ops.full((2,), -1e9, "int16"))
    assert staged().tolist() == [-(2**15)] * 2
    v = Variable(np.zeros(3), dtype="int32", trainable=False)
    v.assign(np.array([3e9, -3e9, np.nan]))
    assert v.numpy().tolist() == [2**31 - 1, -(2**31), 0]


def live(call):
    """What a call on Keras gives, with 64 bit dtypes switched on."""
    module = keras()
    import jax

    with jax.enable_x64(True), np.errstate(all="ignore"):
        made = call(module)
        return np.asarray(made).astype(numpy_dtype(str(made.dtype)), copy=False)


@oracle
@pytest.mark.parametrize("source", casts.COMPARED)
def test_casts_against_keras(source):
    array = casts.values(source)
    for target in casts.COMPARED:

        def call(k, target=target):
            return k.ops.cast(k.ops.convert_to_tensor(array, source), target)

        made = ops.cast(ops.convert_to_tensor(array), target).numpy()
        casts.assert_same(made, live(call), f"{source} to {target}")


def refuses(source, target):
    """Where Keras on JAX raises, or gives one end of the range for every value."""
    if "uint64" in (source, target):
        return source not in ("float16", "float32", "float64")
    wide = is_integer(source) and not source.endswith("8")
    return wide and is_float(target)


@oracle
@pytest.mark.parametrize("source", casts.COMPARED)
def test_saturating_casts_against_keras(source):
    array = casts.values(source)
    for target in casts.COMPARED:
        if refuses(source, target):
            continue

        def call(k, target=target):
            return k.ops.saturate_cast(k.ops.convert_to_tensor(array, source), target)

        made = ops.saturate_cast(ops.convert_to_tensor(array), target).numpy()
        wanted = live(call)
        if is_float(target):  # a minimum may lose the sign of zero
            made, wanted = made + 0, wanted + 0
        casts.assert_same(made, wanted, f"{source} to {target}")


@every_source
def test_saturating_casts_stay_in_range_compiled_too(source, backend):
    array = casts.values(source)
    x = ops.convert_to_tensor(array)
    compiled = jit(lambda x: [ops.saturate_cast(x, t) for t in casts.TARGETS])(x)
    for target, staged in zip(casts.TARGETS, compiled, strict=True):
        made = ops.saturate_cast(x, target).numpy()
        casts.assert_same(staged.numpy(), made, f"{source} to {target}")
        if is_integer(source) and is_integer(target):
            info = np.iinfo(target)
            held = [min(max(int(v), info.min), info.max) for v in array.tolist()]
            casts.assert_same(made, np.array(held, target), f"{source} to {target}")
        elif is_float(target):
            assert not np.isinf(made.astype("float64")).any()
