"""Arrays of every make at every door: what comes in is right, or it is refused.

Big-endian (old files, FITS, network data), read-only, strided, unaligned, memory-mapped,
of a subclass, of no dimensions: as the plain array with these values. Masked values and
objects that are no numbers: an error.
"""

import io

import numpy as np
import pytest

import minikeras as keras
from minikeras.engine import backend as registry
from minikeras.engine.compile import jit

ops = keras.ops
BACKENDS = [n for n in ("numpy", "numba") if registry.installed(n)]


@pytest.fixture(params=BACKENDS, autouse=True)
def backend(request):
    with registry.using(request.param):
        yield request.param


def swapped(x, tmp_path):
    return x.astype(x.dtype.newbyteorder(">"))


def read_only(x, tmp_path):
    x = x.copy()
    x.flags.writeable = False
    return x


def strided(x, tmp_path):
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x
    return wide[..., ::2]


def backwards(x, tmp_path):
    return x[::-1].copy()[::-1]


def by_columns(x, tmp_path):
    return np.asfortranarray(x)


def unaligned(x, tmp_path):
    memory = np.zeros(x.nbytes + 1, np.uint8)
    view = memory[1:].view(x.dtype).reshape(x.shape)
    view[...] = x
    assert not view.flags.aligned
    return view


def field(x, tmp_path):
    rows = np.zeros(x.shape, [("flag", "u1"), ("value", x.dtype)])
    rows["value"] = x
    return rows["value"]


def mapped(x, tmp_path):
    np.save(tmp_path / "x.npy", x.astype(x.dtype.newbyteorder(">")))
    return np.load(tmp_path / "x.npy", mmap_mode="r")


def subclass(x, tmp_path):
    class Mine(np.ndarray):
        pass

    return x.view(Mine)


def nothing_masked(x, tmp_path):
    return np.ma.masked_array(x)


def masked(x, tmp_path):
    return np.ma.masked_array(x, mask=np.arange(x.size).reshape(x.shape) % 5 == 0)


def objects(x, tmp_path):
    return x.astype(object)


def records(x, tmp_path):
    return x.astype([("value", x.dtype)])


def words(x, tmp_path):
    return x.astype(str)


RIGHT = (swapped, read_only, strided, backwards, by_columns, unaligned, field, mapped,
         subclass, nothing_masked)  # fmt: skip
REFUSED = (masked, objects, records, words)

ROWS = np.random.default_rng(0).standard_normal((6, 4)).astype("float32")
IDS = np.arange(24).reshape(6, 4).astype("int32") % 7


def dense():
    keras.utils.set_random_seed(0)
    made = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
    made.compile(keras.optimizers.SGD(0.1), "mse", metrics=["mae"])
    return made


def trained(run):
    made = dense()
    run(made)
    return made.get_weights()


def values(x):
    return ops.convert_to_numpy(x)


def stored(save, load):
    file = io.BytesIO()
    save(file)
    file.seek(0)
    return load(file)


# Each door gives something that can be compared.
DOORS = {
    "convert_to_tensor": lambda x: values(ops.convert_to_tensor(x)),
    "convert_to_tensor as float64": lambda x: values(ops.convert_to_tensor(x, "float64")),
    "array": lambda x: values(ops.array(x)),
    "cast": lambda x: values(ops.cast(x, "float16")),
    "op": lambda x: values(ops.tanh(x)),
    "op of two": lambda x: values(ops.add(x, ROWS)),
    "matmul": lambda x: values(ops.matmul(x, ROWS.T)),
    "reduction": lambda x: values(ops.sum(x, axis=0)),
    "operator": lambda x: values(ops.ones((6, 4)) * x),
    "operator on the left": lambda x: values(x * ops.ones((6, 4))),
    "stack": lambda x: values(ops.stack([x, ROWS])),
    "list of arrays": lambda x: values(ops.convert_to_tensor([x, x])),
    "where": lambda x: values(ops.where(ROWS > 0, x, 0)),
    "index": lambda x: values(ops.take(ops.arange(40), ops.cast(ops.abs(x), "int32"))),
    "slice_update": lambda x: values(ops.slice_update(ops.zeros((8, 4)), (1, 0), x)),
    "scan": lambda x: values(ops.scan(lambda c, r: (c + r, c), np.zeros(4, "float32"), x)[0]),
    "Variable": lambda x: keras.Variable(x).numpy(),
    "assign": lambda x: keras.Variable(np.zeros((6, 4), "float32")).assign(x).numpy(),
    "assign_add": lambda x: keras.Variable(np.ones((6, 4), "float32")).assign_add(x).numpy(),
    "constant initializer": lambda x: values(keras.initializers.Constant(x)((6, 4))),
    "compiled function": lambda x: values(jit(lambda a: a * 2)(x)),
    "compiled function, kept": lambda x: values(DOUBLED(x)),
    "layer": lambda x: values(keras.layers.Softmax()(x)),
    "layer with weights": lambda x: values(dense().layers[0](x)),
    "model": lambda x: values(dense()(x)),
    "predict": lambda x: dense().predict(x, verbose=0),
    "predict of a part": lambda x: dense().predict(x, batch_size=4, verbose=0),
    "predict_on_batch": lambda x: dense().predict_on_batch(x),
    "predict, eagerly": lambda x: _eager().predict(x, verbose=0),
    "fit on x": lambda x: trained(lambda m: m.fit(x, ROWS, shuffle=False, verbose=0)),
    "fit on y": lambda x: trained(lambda m: m.fit(ROWS, x, shuffle=False, verbose=0)),
    "fit, shuffled": lambda x: trained(lambda m: m.fit(x, x, batch_size=4, verbose=0)),
    "fit, eagerly": lambda x: _eagerly_trained(x),
    "train_on_batch": lambda x: trained(lambda m: m.train_on_batch(x, x)),
    "evaluate": lambda x: dense().evaluate(x, x, verbose=0),
    "test_on_batch": lambda x: dense().test_on_batch(x, x),
    "sample weights": lambda x: trained(
        lambda m: m.fit(ROWS, ROWS[:, :1], sample_weight=np.abs(x[:, 0]), verbose=0)
    ),
    "validation data": lambda x: dense().fit(
        ROWS, ROWS, validation_data=(x, x), shuffle=False, verbose=0
    ).history,
    "validation split": lambda x: dense().fit(
        x, x, validation_split=0.3, shuffle=False, verbose=0
    ).history,
    "generator": lambda x: trained(lambda m: m.fit(iter([(x, x)]), verbose=0)),
    "dict of inputs": lambda x: _two_inputs().predict({"a": x, "b": x}, verbose=0),
    "loss": lambda x: values(keras.losses.MeanSquaredError()(x, ROWS)),
    "metric": lambda x: values(_metric(x)),
    "optimizer": lambda x: _applied(x),
    "set_weights": lambda x: _with_weights(x),
    "stateless_call": lambda x: _stateless(x),
    "normalize": lambda x: keras.utils.normalize(x),
    "gradient of an array": lambda x: _gradient(x),
    "image": lambda x: values(ops.image.resize(x.reshape(1, 6, 4, 1), (3, 2))),
    "conv": lambda x: values(ops.conv(x.reshape(1, 6, 4), np.ones((3, 4, 2), "float32"))),
}  # fmt: skip
# Doors for whole numbers.
ID_DOORS = {
    "embedding": lambda x: values(_embedding()(x)),
    "embedding, predict": lambda x: _embedding().predict(x, verbose=0),
    "one_hot": lambda x: values(ops.one_hot(x, 7)),
    "take": lambda x: values(ops.take(ROWS[0], x % 4)),
    "to_categorical": lambda x: keras.utils.to_categorical(x, 7),
    "labels": lambda x: _classified(x[:, 0] % 3),
    "accuracy": lambda x: values(_accuracy(x[:, 0] % 3)),
    "shift": lambda x: values(ops.left_shift(x, 1)),
    "add an integer": lambda x: values(ops.convert_to_tensor(x) + 1),
}

DOUBLED = jit(lambda a: a * 2)


def _eager():
    made = dense()
    made.run_eagerly = True
    return made


def _eagerly_trained(x):
    made = dense()
    made.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
    made.fit(x, x, shuffle=False, verbose=0)
    return made.get_weights()


def _two_inputs():
    keras.utils.set_random_seed(0)
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    return keras.Model([a, b], keras.layers.Dense(3)(a) * b[:, :3])


def test_set_weights_is_all_or_nothing(tmp_path):
    made = keras.layers.Dense(4)
    made.build((None, 6))
    before = made.get_weights()
    for make in REFUSED:
        with pytest.raises((ValueError, TypeError)):
            made.set_weights([ROWS, make(ROWS[0], tmp_path)])
    same(made.get_weights(), before)


def _metric(x):
    made = keras.metrics.MeanAbsoluteError()
    made.update_state(x, ROWS * 2, sample_weight=np.abs(x[:, 0]))
    return made.result()


def _applied(x):
    v = keras.Variable(ROWS)
    keras.optimizers.Adam(0.1).apply([x], [v])
    return v.numpy()


def _with_weights(x):
    made = keras.layers.Dense(4)
    made.build((None, 6))
    made.set_weights([x, x[0]])
    return made.get_weights()


def _stateless(x):
    made = dense()
    out, _ = made.stateless_call([x[:4], x[0]], [], x)
    return values(out)


def _gradient(x):
    v = keras.Variable(ROWS)
    with keras.GradientTape() as tape:
        y = ops.sum(v * x)
    return values(tape.gradient(y, v))


def _embedding():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((4,), dtype="int32"),
            keras.layers.Embedding(7, 3),
            keras.layers.LSTM(2),
        ]
    )


def _classified(labels):
    keras.utils.set_random_seed(0)
    made = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
    made.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made.fit(ROWS, labels, shuffle=False, verbose=0).history


def _accuracy(labels):
    made = keras.metrics.SparseCategoricalAccuracy()
    made.update_state(labels, ROWS[:, :3])
    return made.result()


def same(found, expected):
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        found, expected = list(found.values()), list(expected.values())
    if isinstance(expected, list):
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            same(a, b)
        return
    found = np.asarray(found)
    assert found.dtype == np.asarray(expected).dtype
    assert found.dtype.isnative
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("door", [*DOORS, *ID_DOORS])
def test_arrays_of_every_make(door, tmp_path):
    enter, plain = (DOORS[door], ROWS) if door in DOORS else (ID_DOORS[door], IDS)
    expected = enter(plain)
    for make in RIGHT:
        given = make(plain, tmp_path)
        before = np.array(given)
        try:
            same(enter(given), expected)
        except AssertionError as error:
            raise AssertionError(f"{make.__name__}: {error}") from error
        np.testing.assert_array_equal(np.array(given), before)


@pytest.mark.parametrize("door", [*DOORS, *ID_DOORS])
def test_what_is_no_array_of_numbers_is_refused(door, tmp_path):
    enter, plain = (DOORS[door], ROWS) if door in DOORS else (ID_DOORS[door], IDS)
    for make in REFUSED:
        given = make(plain, tmp_path)
        with pytest.raises((ValueError, TypeError)):
            pytest.fail(f"{make.__name__} was taken: {enter(given)}")
