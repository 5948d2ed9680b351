"""Connectionist temporal classification against keras on JAX."""

import numpy as np
import pytest

import minikeras as mk
import minikeras.models
from minikeras import ops
from minikeras.engine.autodiff import GradientTape
from minikeras.engine.aval import ShapeError
from minikeras.engine.compile import jit
from minikeras.engine.symbolic import KerasTensor
from tests.goldens.oracle import keras, oracle

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(6, 6, 5)).astype("float32")
LABELS = RNG.integers(1, 4, (6, 4)).astype("int32")
COUNTS = np.array([4, 3, 0, 1, 2, 4], "int32")
FRAMES = np.array([6, 6, 5, 3, 8, 2], "int32")  # the last cannot hold its labels
ROWS = {
    "lengths": (LABELS, LOGITS, COUNTS, FRAMES, 0),
    "blank": (LABELS % 3, LOGITS, COUNTS, FRAMES, 4),
    "one label": (LABELS[:, :1], LOGITS, COUNTS, FRAMES, 0),
    "no labels": (LABELS[:, :0], LOGITS, COUNTS * 0, FRAMES, 0),
    "one frame": (LABELS[:, :1], LOGITS[:, :1], COUNTS, FRAMES, 0),
    "large": (LABELS, LOGITS * 1000, COUNTS, FRAMES, 0),
}


def _gradient(row):
    labels, logits, counts, frames, blank = ROWS[row]
    x = ops.convert_to_tensor(logits)
    with GradientTape() as tape:
        tape.watch(x)
        total = ops.sum(ops.ctc_loss(labels, x, counts, frames, blank))
    return tape.gradient(total, x).numpy()


@oracle
@pytest.mark.parametrize("row", ROWS)
def test_values_and_gradients_are_those_of_keras(row, backend):
    theirs = keras()
    import jax

    labels, logits, counts, frames, blank = ROWS[row]

    def total(x):
        return theirs.ops.ctc_loss(labels, x, counts, frames, blank).sum()

    wanted = np.asarray(theirs.ops.ctc_loss(*ROWS[row]))
    ours = ops.ctc_loss(*ROWS[row])
    assert ours.dtype == wanted.dtype.name
    np.testing.assert_allclose(ours.numpy(), wanted, 1e-5, 1e-6)
    compiled = jit(lambda *a: ops.ctc_loss(*a, mask_index=blank))
    np.testing.assert_allclose(compiled(*ROWS[row][:4]).numpy(), wanted, 1e-5, 1e-6)
    # At 1e5 a float32 is spaced by 0.008: gradients there are as coarse.
    np.testing.assert_allclose(
        _gradient(row), np.asarray(jax.grad(total)(logits)), atol=1e-2
    )


def test_gradients_are_finite_where_nothing_fits():
    assert np.isfinite(_gradient("lengths")).all()
    assert not _gradient("lengths")[3, 3:].any()


def test_errors():
    with pytest.raises(ShapeError, match="target has shape"):
        ops.ctc_loss([1], LOGITS, [1], [1])
    with pytest.raises(ShapeError, match="target_length has shape"):
        ops.ctc_loss(LABELS, LOGITS, [1], FRAMES)
    with pytest.raises(ValueError, match="mask_index=5"):
        ops.ctc_loss(LABELS, LOGITS, COUNTS, FRAMES, mask_index=5)


BEAM = {"strategy": "beam_search"}
DECODERS = [
    {},
    {"merge_repeated": False},
    {"mask_index": None},
    {"mask_index": -1},
    {"mask_index": 2},
    {**BEAM},
    {**BEAM, "beam_width": 2, "top_paths": 2},
    {**BEAM, "beam_width": 3, "top_paths": 5},  # more than there are
    {**BEAM, "beam_width": 7, "top_paths": 3, "mask_index": 1},
    {**BEAM, "top_paths": 40, "mask_index": None, "merge_repeated": False},
]


@oracle
@pytest.mark.parametrize("options", DECODERS, ids=str)
def test_decoding_is_that_of_keras(options, backend):
    logits = np.random.default_rng(1).normal(size=(3, 6, 4)).astype("float32") * 1.5
    lengths = np.array([6, 4, 1], "int32")
    wanted = [np.asarray(v) for v in keras().ops.ctc_decode(logits, lengths, **options)]
    compiled = jit(lambda x, n: ops.ctc_decode(x, n, **options))
    for function in (lambda x, n: ops.ctc_decode(x, n, **options), compiled):
        paths, scores = function(logits, lengths)
        assert (paths.dtype, scores.dtype) == ("int32", "float32")
        np.testing.assert_array_equal(paths.numpy(), wanted[0])
        np.testing.assert_allclose(scores.numpy(), wanted[1], 1e-5, 1e-5)


def test_sums_over_all_sequences_are_one():
    """Two frames of three classes: 7 label sequences hold all the probability."""
    logits = RNG.normal(size=(2, 2, 3))
    paths, scores = ops.ctc_decode(logits, [2, 2], **BEAM, top_paths=9)
    assert scores.dtype == "float64"
    np.testing.assert_allclose(np.exp(scores.numpy()).sum(1), [1.0, 1.0])
    # The score of a sequence is minus its loss.
    held = paths[0].numpy()
    losses = ops.ctc_loss(np.maximum(held, 0), logits, (held >= 0).sum(1), [2, 2])
    np.testing.assert_allclose(scores.numpy()[:, 0], -losses.numpy())


def test_shapes_of_symbolic_calls():
    lengths = KerasTensor((None,), "int32")
    labels = KerasTensor((None, 3), "int32")
    x = KerasTensor((None, None, 5), "float16")
    loss = ops.ctc_loss(labels, x, lengths, lengths)
    assert (loss.shape, loss.dtype) == ((None,), "float32")
    for options in ({}, BEAM):
        paths, scores = ops.ctc_decode(x, lengths, **options)
        assert (paths.shape, paths.dtype) == ((1, None, None), "int32")
        assert (scores.shape, scores.dtype) == ((None, 1), "float32")


def test_errors_of_decoding():
    with pytest.raises(ValueError, match="strategy='best'"):
        ops.ctc_decode(LOGITS, FRAMES, strategy="best")
    with pytest.raises(ShapeError, match=r"inputs of shape \(6, 5\)"):
        ops.ctc_decode(LOGITS[0], FRAMES)
    with pytest.raises(ValueError, match="mask_index=5"):
        ops.ctc_decode(LOGITS, FRAMES, **BEAM, mask_index=5)
    with pytest.raises(ValueError, match="beam_width=0"):
        ops.ctc_decode(LOGITS, FRAMES, **BEAM, beam_width=0)


def test_a_model_learns_to_spell(backend):
    mk.utils.set_random_seed(3)
    strings = RNG.integers(1, 4, (32, 3))
    frames = np.eye(4, dtype="float32")[np.repeat(strings, 3, axis=1)]
    model = mk.Sequential([mk.Input((9, 4)), mk.layers.Conv1D(5, 3, padding="same")])
    model.compile(optimizer=mk.optimizers.Adam(0.1), loss="ctc")
    losses = model.fit(frames, strings, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 3
