"""Dataset: the streams of tf.data, lazily, again and again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minikeras as keras
from tests.training.models import data_threads_end, line, linear

Dataset = keras.utils.Dataset
X, Y = line(samples=18)


def numbers(dataset):
    return [np.asarray(e).tolist() for e in dataset]


def test_elements_are_slices_in_their_structure():
    data = Dataset.from_tensor_slices(({"a": X, "s": ["u"] * 18}, Y[:, 0]))
    first, target = next(iter(data))
    assert isinstance(first["a"], keras.Tensor) and first["a"].shape == (4,)
    assert first["s"].numpy().item() == "u" and float(target) == Y[0, 0]
    inputs, targets = next(data.batch(5).as_numpy_iterator())
    assert isinstance(inputs["a"], np.ndarray)
    np.testing.assert_array_equal(inputs["a"], X[:5])
    np.testing.assert_array_equal(targets, Y[:5, 0])
    spec = data.batch(5).element_spec
    assert spec[0]["a"].shape == (None, 4) and spec[0]["s"].dtype == "string"
    assert Dataset.from_tensor_slices([1, 2]).element_spec.dtype == "int32"
    assert Dataset.from_tensor_slices([1.0]).element_spec.dtype == "float32"
    assert len(Dataset.from_tensors((X, Y))) == 1
    for wrong in ((X, Y[:3]), (), 3.0):
        with pytest.raises(ValueError, match="from_tensor_slices"):
            Dataset.from_tensor_slices(wrong)


def test_order_and_number():
    data = Dataset.range(10)
    assert numbers(data.take(3)) == [0, 1, 2] and numbers(data.skip(8)) == [8, 9]
    assert numbers(data.take(-1)) == list(range(10)) and numbers(data.skip(-1)) == []
    assert numbers(data.shard(3, 1)) == [1, 4, 7]
    assert numbers(data.take(2).repeat(2)) == [0, 1, 0, 1]
    assert numbers(data.take(2).repeat().take(5)) == [0, 1, 0, 1, 0]
    assert numbers(data.take(0).repeat()) == []
    assert numbers(data.take(1).concatenate(data.skip(9))) == [0, 9]
    assert numbers(data.batch(4)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert numbers(data.batch(4, drop_remainder=True)) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert numbers(data.batch(4).unbatch()) == list(range(10))
    assert numbers(data.filter(lambda x: x % 2 == 0)) == [0, 2, 4, 6, 8]
    assert numbers(data.take(3).flat_map(lambda n: Dataset.range(int(n)))) == [0, 0, 1]
    pairs = Dataset.zip(data, {"b": data.skip(7)})
    assert [(int(a), int(b["b"])) for a, b in pairs] == [(0, 7), (1, 8), (2, 9)]
    assert [(int(i), int(n)) for i, n in data.skip(8).enumerate(5)] == [(5, 8), (6, 9)]
    assert int(data.reduce(0, lambda a, b: a + b)) == 45
    assert numbers(data.apply(lambda d: d.take(1))) == [0]


def test_lengths():
    data = Dataset.range(10)
    known = {
        data.batch(4): 3,
        data.batch(4, drop_remainder=True): 2,
        data.take(20): 10,
        data.skip(3): 7,
        data.repeat(3): 30,
        data.repeat().take(4): 4,
        data.shard(3, 2): 3,
        data.shuffle(3).map(lambda x: x).cache().prefetch(2): 10,
        data.concatenate(data): 20,
        Dataset.zip(data, data.take(3), data.repeat()): 3,
        data.repeat(0): 0,
    }
    for made, length in known.items():
        assert len(made) == made.cardinality() == length == len(numbers(made))
    assert data.repeat().cardinality() == -1 and data.filter(bool).cardinality() == -2
    assert bool(data.take(0)) and "10 elements" in repr(data)
    for made, text in ((data.repeat(), "no end"), (data.filter(bool), "unknown")):
        with pytest.raises(TypeError, match=text):
            len(made)


@given(st.integers(0, 40), st.integers(1, 50), st.booleans())
def test_shuffles_are_permutations(size, buffer, again):
    keras.utils.set_random_seed(4)
    data = Dataset.range(size).shuffle(buffer, reshuffle_each_iteration=again)
    passes = [numbers(data) for _ in range(4)]
    assert all(sorted(found) == list(range(size)) for found in passes)
    for found in passes:  # an element comes out at most `buffer - 1` places too early
        assert all(number - place < buffer for place, number in enumerate(found))
    if size > 10 < buffer:
        assert (len({tuple(found) for found in passes}) > 1) == again
    keras.utils.set_random_seed(4)
    assert numbers(Dataset.range(size).shuffle(buffer)) == passes[0]


def test_seeded_shuffles():
    found = [
        [numbers(d), numbers(d)]
        for d in (Dataset.range(30).shuffle(30, seed=s) for s in (1, 1, 2))
    ]
    assert found[0] == found[1] != found[2] and found[0][0] != found[0][1]


def test_maps_get_tensors_and_tuples_apart():
    data = Dataset.from_tensor_slices((X, Y)).batch(6)
    for threads in (None, 3, -1):
        mapped = data.map(
            lambda x, y: ({"x": x * 2}, [y, y]), num_parallel_calls=threads
        )
        for (inputs, targets), start in zip(mapped.as_numpy_iterator(), (0, 6, 12)):
            np.testing.assert_array_equal(inputs["x"], 2 * X[start : start + 6])
            assert targets.shape == (2, 6, 1)
    layer = keras.layers.Dense(2)
    out = next(iter(data.map(lambda x, y: layer(x))))
    np.testing.assert_allclose(out, layer(X[:6]), rtol=1e-6)

    def broken(x):
        raise OSError("no")

    for threads in (None, 2):
        with pytest.raises(OSError, match="no") as caught:
            list(Dataset.range(3).map(broken, num_parallel_calls=threads))
        assert "broken" in [entry.name for entry in caught.traceback]


def test_caches_read_once():
    calls = []

    def count():
        calls.append(1)
        yield from range(4)

    data = Dataset.from_generator(count, output_types="int64").cache()
    assert numbers(data.take(2)) == [0, 1] and numbers(data) == [0, 1, 2, 3]
    assert numbers(data.batch(3)) == [[0, 1, 2], [3]] and len(calls) == 2


def test_prefetching_leaves_no_threads():
    data = Dataset.range(100).map(lambda x: x + 1, num_parallel_calls=3).prefetch(4)
    assert numbers(data) == list(range(1, 101))
    iterator = iter(data)
    assert int(next(iterator)) == 1
    del iterator
    assert numbers(data.prefetch(0).take(2)) == [1, 2]
    assert data_threads_end()


def test_generators_are_called_anew():
    def make(stop):
        yield from ((i, float(i)) for i in range(stop))

    data = Dataset.from_generator(make, output_types=("uint8", "float64"), args=(3,))
    for _ in range(2):
        assert [(int(a), float(b)) for a, b in data] == [(0, 0.0), (1, 1.0), (2, 2.0)]
    assert [s.dtype for s in data.element_spec] == ["uint8", "float64"]
    with pytest.raises(TypeError, match="a function"):
        Dataset.from_generator(make(3))


def test_batches_of_unequal_elements():
    data = Dataset.from_generator(lambda: (np.arange(n) for n in (1, 3, 2)))
    with pytest.raises(ValueError, match=r"\(1,\), \(2,\), \(3,\)"):
        list(data.batch(3))
    assert numbers(data.padded_batch(2)) == [[[0, 0, 0], [0, 1, 2]], [[0, 1]]]
    padded = data.padded_batch(3, padding_values=-1)
    assert numbers(padded) == [[[0, -1, -1], [0, 1, 2], [0, 1, -1]]]
    with pytest.raises(ValueError, match="batch_size=0"):
        data.batch(0)
    with pytest.raises(ValueError, match="buffer_size=0"):
        data.shuffle(0)
    with pytest.raises(ValueError, match="index=3"):
        data.shard(3, 3)
    with pytest.raises(ValueError, match="unbatch"):
        list(Dataset.from_tensors((X, Y[:3])).unbatch())
    with pytest.raises(ValueError, match="empty"):
        _ = Dataset.range(0).element_spec


def test_memory_maps_are_read_by_rows(tmp_path):
    np.save(tmp_path / "x.npy", X)
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    data = Dataset.from_tensor_slices((x, Y)).shuffle(18).batch(4)
    for inputs, targets in data.as_numpy_iterator():
        np.testing.assert_allclose(
            inputs @ np.arange(1, 5)[:, None] / 4, targets, rtol=1e-4
        )
    np.testing.assert_array_equal(next(iter(Dataset.from_tensor_slices(x))), X[0])


def test_a_model_trains_on_it_as_on_the_arrays():
    def history(x, y=None, **arguments):
        keras.utils.set_random_seed(3)
        found = linear().fit(x, y, shuffle=False, verbose=0, epochs=3, **arguments)
        return found.history["loss"]

    expected = history(X, Y, batch_size=4)
    data = Dataset.from_tensor_slices((X, Y)).batch(4)
    assert history(data) == history(data.cache().prefetch(-1)) == expected
    assert history(data.repeat(), steps_per_epoch=5) == expected
    with pytest.raises(ValueError, match="no end"):
        history(data.repeat())
    weighted = Dataset.from_tensor_slices((X, Y, np.ones(18))).batch(4)
    assert history(weighted) == pytest.approx(expected)
