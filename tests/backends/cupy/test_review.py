"""What CuPy does otherwise than NumPy, or slowly, and is not asked to do.

Its stand-in does the same: `einsum`, `clip`, `unique`, sorts and batched products refuse bfloat16
there, as they fail, or give float32, in CuPy.
"""

import numpy as np
import pytest
from minikeras_cupy import kernels

import minikeras as keras
from minikeras import config, ops
from minikeras.extend import numpy_dtype
from tests.backends.cupy import fake_device
from tests.backends.cupy.conftest import needs_compiler

RNG = np.random.default_rng(6)
A, B = RNG.normal(size=(3, 4, 5)), RNG.normal(size=(3, 5, 2))
V = RNG.integers(-3, 4, (2, 6)).astype(float)

HALVES = {
    "batched matmul": lambda a, b, v: ops.matmul(a, b),
    "broadcast matmul": lambda a, b, v: ops.matmul(a[:, None], b[None]),
    "turned matmul": lambda a, b, v: ops.matmul(ops.swapaxes(b, 1, 2), ops.swapaxes(a, 1, 2)),
    "einsum of stacks": lambda a, b, v: ops.einsum("nij,njk->nik", a, b),
    "einsum that sums": lambda a, b, v: ops.einsum("nij,njk->ki", a, b),
    "einsum of one": lambda a, b, v: ops.einsum("nij->jn", a),
    "einsum outer": lambda a, b, v: ops.einsum("ij,kl->ijkl", v, v),
    "tensordot": lambda a, b, v: ops.tensordot(a, b, axes=[[0, 2], [0, 1]]),
    "dot": lambda a, b, v: ops.dot(a, v[0, :5]),
    "vdot": lambda a, b, v: ops.vdot(v, v),
    "inner": lambda a, b, v: ops.inner(v, v),
    "outer": lambda a, b, v: ops.outer(v, v),
    "clip": lambda a, b, v: ops.clip(v, -1, 2),
    "relu6": lambda a, b, v: ops.relu6(v * 3),
    "median": lambda a, b, v: ops.median(v, axis=1),
    "top_k": lambda a, b, v: ops.top_k(v, 2)[0],
}  # fmt: skip


@needs_compiler
@pytest.mark.parametrize("products", ["cublas", "cupy"])
def test_what_cupy_cannot_do_in_bfloat16_is_done_otherwise(
    standing_in, products, monkeypatch
):
    if products == "cupy":
        monkeypatch.setattr(standing_in._maker, "products", None)
    halves = [v.astype(numpy_dtype("bfloat16")) for v in (A, B, V)]
    given = [ops.convert_to_tensor(v, "bfloat16") for v in halves]
    found = {name: call(*given) for name, call in HALVES.items()}
    kinds = {name: y.value.dtype.name for name, y in found.items()}
    assert set(kinds.values()) == {"bfloat16"}, kinds
    found = {name: y.numpy().astype("f4") for name, y in found.items()}
    config.set_backend("numpy")
    wide = [ops.convert_to_tensor(v.astype("f4")) for v in halves]
    for name, call in HALVES.items():
        wanted = call(*wide).numpy()
        np.testing.assert_allclose(found[name], wanted, 0.02, 0.05, err_msg=name)


def test_places_of_true_elements_are_waited_for_once(standing_in):
    """CuPy's `nonzero` waits once for each axis."""
    x = ops.convert_to_tensor(RNG.integers(0, 2, (4, 3, 5, 2)))
    for function in (ops.nonzero, ops.where):
        before = fake_device.active[0].synchronisations
        found = function(x)
        assert fake_device.active[0].synchronisations == before + 1
        assert len(found) == 4
    for axis, wanted in zip(found, x.numpy().nonzero(), strict=True):
        assert axis.numpy().tolist() == wanted.tolist()


@needs_compiler
def test_eager_calls_of_many_shapes_are_not_all_remembered(standing_in, monkeypatch):
    monkeypatch.setattr(kernels, "_MOST_RUNS", 3)
    made, make = [], standing_in._maker.make
    monkeypatch.setattr(standing_in._maker, "make", lambda n: made.append(n) or make(n))
    kernel = standing_in._maker.eager("exp", None)

    def call(size):
        x = standing_in.from_host(np.zeros(size, "f4"))
        assert kernel(x).get().tolist() == [1.0] * size
        return len(made)

    assert [call(n) for n in (1, 2, 3, 1, 4, 1, 3, 2)] == [1, 2, 3, 3, 4, 4, 4, 5]


OUTSIDE = np.array([0, 7, -9, 2])
OUT_OF_RANGE = {
    "take": lambda x: ops.take(x, OUTSIDE, axis=0),
    "take_along_axis": lambda x: ops.take_along_axis(x, OUTSIDE[:, None], axis=0),
    "scatter": lambda x: ops.scatter(OUTSIDE[:, None], x[:4], (5, 6)),
    "scatter_update": lambda x: ops.scatter_update(x, OUTSIDE[:, None], -x[:4]),
    "segment_sum": lambda x: ops.segment_sum(x[:4], OUTSIDE, num_segments=3),
    "one_hot": lambda x: ops.one_hot(OUTSIDE, 5) + x[0, 0],
}


@needs_compiler
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("name", OUT_OF_RANGE)
def test_indices_out_of_range_do_not_come_in_at_the_other_end(
    standing_in, name, compiled
):
    x = RNG.normal(size=(5, 6)).astype("f4")
    call = OUT_OF_RANGE[name]
    run = keras.function(call) if compiled else call
    found = run(ops.convert_to_tensor(x)).numpy()
    config.set_backend("numpy")
    np.testing.assert_array_equal(found, call(ops.convert_to_tensor(x)).numpy())


@needs_compiler
def test_padding_that_differs_at_the_two_ends(standing_in):
    """As cuDNN may decline it: even windows and strides, with slopes."""
    x = RNG.normal(size=(2, 7, 6, 3)).astype("f4")
    w = RNG.normal(size=(4, 2, 3, 5)).astype("f4")

    def slopes():
        a, b = ops.convert_to_tensor(x), keras.Variable(w)
        with keras.GradientTape() as tape:
            tape.watch(a)
            y = ops.conv(a, b, strides=(2, 1), padding="same")
            loss = ops.sum(y * y)
        return [y.numpy(), *(g.numpy() for g in tape.gradient(loss, [a, b]))]

    found = slopes()
    config.set_backend("numpy")
    for ours, wanted in zip(found, slopes(), strict=True):
        np.testing.assert_allclose(ours, wanted, 1e-4, 1e-4)
