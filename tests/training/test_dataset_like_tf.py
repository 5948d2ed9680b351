"""`Dataset`: what `tf.data` gives for the same calls."""

import numpy as np
import pytest

import minikeras as keras
from minikeras.utils import Dataset


def listed(dataset):
    return [np.asarray(x).tolist() for x in dataset.as_numpy_iterator()]


def test_slices_of_structures():
    data = Dataset.from_tensor_slices(
        {"a": [[1.5], [2.5]], "b": (np.arange(2), ["x", "y"])}
    )
    first = next(iter(data))
    assert first["a"].dtype == "float32" and first["a"].numpy().tolist() == [1.5]
    assert int(first["b"][0]) == 0 and first["b"][1] == "x"
    with pytest.raises(ValueError, match="as many rows in each"):
        Dataset.from_tensor_slices((np.zeros(2), np.zeros(3)))
    with pytest.raises(ValueError, match="at least one array"):
        Dataset.from_tensor_slices(3)


def test_batches_and_what_is_left():
    data = Dataset.range(7)
    assert listed(data.batch(3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert listed(data.batch(3, drop_remainder=True)) == [[0, 1, 2], [3, 4, 5]]
    assert listed(data.map(lambda x: x * 2).batch(4)) == [[0, 2, 4, 6], [8, 10, 12]]
    assert listed(data.batch(3).unbatch()) == list(range(7))
    assert [len(data.batch(3)), len(data.batch(3, True))] == [3, 2]
    assert listed(Dataset.range(0).batch(2)) == []
    with pytest.raises(ValueError, match="batch_size=0"):
        data.batch(0)
    ragged = Dataset.from_generator(lambda: iter([[1], [1, 2]]))
    with pytest.raises(ValueError, match=r"padded_batch"):
        listed(ragged.batch(2))
    assert listed(ragged.padded_batch(2)) == [[[1, 0], [1, 2]]]
    assert listed(ragged.padded_batch(2, [3], 9)) == [[[1, 9, 9], [1, 2, 9]]]


@pytest.mark.parametrize("rows", [True, False])
@pytest.mark.parametrize("buffer", [3, 10, 50])
def test_shuffles(buffer, rows):
    data = Dataset.range(10) if rows else Dataset.range(10).map(lambda x: x)
    mixed = data.shuffle(buffer, seed=3)
    first, second = listed(mixed), listed(mixed)
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second and first != list(range(10))
    again = data.shuffle(buffer, seed=3)
    assert [listed(again), listed(again)] == [first, second]
    same = data.shuffle(buffer, seed=3, reshuffle_each_iteration=False)
    assert listed(same) == listed(same)
    # A buffer of n cannot bring an element forward by n places or more.
    assert all(value - place < max(buffer, 1) for place, value in enumerate(first))


def test_the_global_seed_fixes_shuffles():
    keras.utils.set_random_seed(1)
    first = listed(Dataset.range(20).shuffle(20))
    keras.utils.set_random_seed(1)
    assert listed(Dataset.range(20).shuffle(20)) == first


def test_repeat_take_skip_concatenate_zip_enumerate_shard():
    data = Dataset.range(3)
    assert listed(data.repeat(2)) == [0, 1, 2, 0, 1, 2]
    assert listed(data.repeat().take(5)) == [0, 1, 2, 0, 1]
    assert listed(data.skip(1).take(1)) == [1] and listed(data.take(-1)) == [0, 1, 2]
    assert listed(data.concatenate(Dataset.range(2))) == [0, 1, 2, 0, 1]
    assert listed(Dataset.range(7).shard(3, 1)) == [1, 4]
    assert [int(n) for n, _ in data.enumerate(5)] == [5, 6, 7]
    pairs = Dataset.zip((data, {"b": Dataset.range(4, 9)}))
    assert [(int(a), int(d["b"])) for a, d in pairs] == [(0, 4), (1, 5), (2, 6)]
    assert len(pairs) == 3
    assert listed(Dataset.range(0).repeat()) == []
    sizes = [
        data.repeat(2),
        data.repeat(),
        data.filter(bool),
        data.skip(5),
        data.repeat().take(4),
    ]
    assert [int(d.cardinality()) for d in sizes] == [6, -1, -2, 0, 4]
    with pytest.raises(TypeError, match="has no end"):
        len(data.repeat())


def test_map_filter_flat_map_window_reduce_cache():
    data = Dataset.from_tensor_slices((np.arange(4.0), np.arange(4)))
    assert [float(s) for s in data.map(lambda x, y: x + y)] == [0, 2, 4, 6]
    assert listed(Dataset.range(6).filter(lambda x: x % 2 == 0)) == [0, 2, 4]
    windows = Dataset.range(5).window(3, shift=1, drop_remainder=True)
    assert listed(windows.flat_map(lambda w: w.batch(3))) == [
        [0, 1, 2],
        [1, 2, 3],
        [2, 3, 4],
    ]
    assert [listed(w) for w in Dataset.range(5).window(2)] == [[0, 1], [2, 3], [4]]
    assert [listed(w) for w in Dataset.range(5).window(1, shift=2)] == [[0], [2], [4]]
    assert int(Dataset.range(4).reduce(0, lambda a, b: a + b)) == 6
    calls = []
    kept = Dataset.range(2).map(lambda x: calls.append(1) or x).cache()
    assert listed(kept) == listed(kept) == [0, 1] and len(calls) == 2
    next(iter(kept.apply(lambda d: d.skip(1))))


def test_generators_start_anew():
    data = Dataset.from_generator(
        lambda n: ((i, [i, i]) for i in range(n)),
        output_types=("float64", "int8"),
        args=(2,),
    )
    for _ in range(2):
        (a, b), *_ = data
        assert a.dtype == "float64" and b.dtype == "int8" and b.shape == (2,)
    with pytest.raises(TypeError, match="expected a function"):
        Dataset.from_generator(iter([1]))


def test_training_takes_it():
    x = np.random.default_rng(0).normal(size=(22, 3)).astype("float32")
    y = x @ np.ones((3, 1), "float32")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    data = Dataset.from_tensor_slices((x, y)).shuffle(22).batch(8).prefetch(-1)
    history = model.fit(data, validation_data=data, epochs=12, verbose=0).history
    assert history["loss"][-1] < history["loss"][0] / 10
    whole = Dataset.from_tensor_slices((x, y)).batch(8)
    assert np.isclose(model.evaluate(whole, verbose=0), model.evaluate(x, y, verbose=0))
    only = Dataset.from_tensor_slices(x).batch(8)
    np.testing.assert_allclose(
        model.predict(only, verbose=0), model.predict(x, verbose=0), rtol=1e-5
    )
    model.fit(data.repeat(), steps_per_epoch=2, epochs=2, verbose=0)
