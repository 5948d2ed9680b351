"""Sources of batches: arrays, generators, PyDatasets, loaders, and how epochs are cut."""

import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minikeras as keras
from minikeras.training.data import (
    ArrayAdapter,
    Feed,
    make_adapter,
    pack_x_y_sample_weight,
    sample_weight_of,
    unpack_x_y_sample_weight,
    validation_split,
)
from minikeras.training.data.dataset import Dataset
from tests.training.models import line, linear

X, Y = line(samples=12)


def batches(count=3, size=4):
    for _ in range(count):
        yield X[:size], Y[:size]


class Squares(keras.utils.PyDataset):
    """Three batches; counts the calls of its hooks."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.begun = self.ended = 0

    def __len__(self):
        return 3

    def __getitem__(self, index):
        x = np.full((2, 4), index, "float32")
        return x, x[:, :1] ** 2

    def on_epoch_begin(self):
        self.begun += 1

    def on_epoch_end(self):
        self.ended += 1


@given(
    samples=st.integers(1, 50),
    batch=st.integers(1, 60),
    shuffle=st.sampled_from([False, True, "batch"]),
    reuse=st.booleans(),
)
def test_an_epoch_holds_every_sample_once(samples, batch, shuffle, reuse):
    x = np.arange(samples * 2).reshape(samples, 2)
    adapter = ArrayAdapter({"a": x, "b": [x + 1]}, x[:, 0], None, batch, shuffle)
    adapter.reuse = reuse
    for _ in range(2):
        seen, sizes = [], []
        for parts, y, weight in adapter.epoch():
            assert weight is None
            assert parts["a"].flags.c_contiguous and parts["b"][0].flags.c_contiguous
            np.testing.assert_array_equal(parts["a"] + 1, parts["b"][0])
            np.testing.assert_array_equal(parts["a"][:, 0], y)
            seen.append(y.copy())
            sizes.append(len(y))
        assert len(sizes) == adapter.num_batches
        assert all(size == batch for size in sizes[:-1])
        order = np.concatenate(seen)
        np.testing.assert_array_equal(np.sort(order), x[:, 0])
        if shuffle is False:
            np.testing.assert_array_equal(order, x[:, 0])


def test_shuffled_batches_use_two_buffers_by_turns():
    adapter = ArrayAdapter(X, Y, None, 3, True)
    adapter.reuse = True
    arrays = [x for x, _, _ in adapter.epoch()]
    assert np.shares_memory(arrays[0], arrays[2]) and np.shares_memory(
        arrays[1], arrays[3]
    )
    assert not np.shares_memory(arrays[0], arrays[1])
    adapter.reuse = False
    arrays = [x for x, _, _ in adapter.epoch()]
    assert not np.shares_memory(arrays[0], arrays[2])


def test_data_are_not_written():
    x, y = X.copy(), Y.copy()
    x.flags.writeable = y.flags.writeable = False
    model = linear()
    model.fit(x, y, batch_size=5, epochs=2, verbose=0, validation_split=0.2)
    model.evaluate(x, y, verbose=0)
    model.predict(x, verbose=0)
    np.testing.assert_array_equal(x, X)


def test_strided_data_train_as_contiguous_ones():
    wide = np.repeat(X, 2, axis=1)
    losses = []
    for x in (X, wide[:, ::2], np.asfortranarray(X)):
        keras.utils.set_random_seed(0)
        losses.append(linear().fit(x, Y, batch_size=5, verbose=0).history["loss"][0])
    assert losses[0] == losses[1] == losses[2]


@given(fraction=st.floats(0.01, 0.99), samples=st.integers(2, 60))
def test_the_split_is_a_cut_at_one_place(fraction, samples):
    x = np.arange(samples)
    at = int(np.floor(samples * (1.0 - fraction)))
    if at in (0, samples):
        with pytest.raises(ValueError, match="validation_split="):
            validation_split((x, x, None), fraction)
        return
    train, held = validation_split((x, {"y": x}, None), fraction)
    assert train[0].tolist() == list(range(at)) and held[0].tolist() == list(
        range(at, samples)
    )
    assert train[1]["y"].tolist() == train[0].tolist() and train[2] is held[2] is None


def test_class_weights_of_every_kind_of_label():
    weights = {0: 2.0, 2: 0.5}
    expected = [2.0, 1.0, 0.5, 2.0]
    labels = np.array([0, 1, 2, 0])
    for y in (
        labels,
        labels[:, None],
        np.eye(3)[labels],
        labels.astype("float32"),
        [labels],
    ):
        assert sample_weight_of(y, weights).tolist() == expected
    assert sample_weight_of(np.array([-1, 5]), weights).tolist() == [1.0, 1.0]


def test_packing():
    assert pack_x_y_sample_weight(1) == 1
    assert pack_x_y_sample_weight((1,)) == ((1,),)
    assert pack_x_y_sample_weight([1]) == ([1],)
    assert pack_x_y_sample_weight(1, 2) == (1, 2)
    assert pack_x_y_sample_weight(1, None, 3) == (1, None, 3)
    for data, parts in ((1, (1, None, None)), ((1,), (1, None, None)), ([1, 2], (1, 2, None)),
                        ((1, 2, 3), (1, 2, 3))):  # fmt: skip
        assert unpack_x_y_sample_weight(data) == parts
    with pytest.raises(ValueError, match="4 parts"):
        unpack_x_y_sample_weight((1, 2, 3, 4))


# --- epochs


def sizes(feed):
    return [len(x) for x, _, _ in feed.epoch()]


def test_steps_of_arrays_go_on_from_epoch_to_epoch():
    feed = Feed(ArrayAdapter(X[:10], Y[:10], None, 5), 1)
    assert [sizes(feed) for _ in range(3)] == [[5], [5], [5]]
    feed = Feed(ArrayAdapter(X, Y, None, 5), 2)
    with pytest.warns(UserWarning, match="data ended after 3 batches.*ends early"):
        found = [sizes(feed) for _ in range(3)]
    assert found == [[5, 5], [2], [5, 5]] and sizes(feed) == [2]  # said once
    assert not feed.exhausted


class Numbers(keras.utils.PyDataset):
    """Batch i is all i; notes what was asked of it."""

    def __init__(self, base=keras.utils.PyDataset, count=10):
        base.__init__(self)
        self.count, self.seen = count, []

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        self.seen.append(index)
        return np.full((2, 1), index, "float32"), np.zeros((2, 1), "float32")

    def on_epoch_begin(self):
        self.seen.append("begin")

    def on_epoch_end(self):
        self.seen.append("end")


def identity(lib):
    model = lib.Sequential(
        [lib.Input((1,)), lib.layers.Dense(1, kernel_initializer="ones")]
    )
    model.compile(lib.optimizers.SGD(0.0), "mse")
    return model


def squares(*epochs):
    return pytest.approx([float(np.mean(np.square(seen))) for seen in epochs])


STEPS = {
    3: squares([0, 1, 2], [3, 4, 5], [6, 7, 8], [9]),
    5: squares(range(5), range(5, 10), range(5), range(5, 10)),
    12: squares(*[range(10)] * 4),
}


@pytest.mark.parametrize("steps", STEPS)
def test_epochs_of_fewer_or_more_steps_than_the_data(lib, steps):
    x = np.repeat(np.arange(10, dtype="float32"), 2)[:, None]
    options = {"steps_per_epoch": steps, "epochs": 4, "shuffle": False, "verbose": 0}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        history = identity(lib).fit(x, 0 * x, batch_size=2, **options)
    assert history.history["loss"] == STEPS[steps]
    assert bool(said) == (steps != 5)


def test_validation_steps_see_the_first_batches_in_every_epoch(lib):
    kind = type("Numbers", (lib.utils.PyDataset,), dict(vars(Numbers)))
    data, held = kind(lib.utils.PyDataset), kind(lib.utils.PyDataset)
    history = identity(lib).fit(
        data, epochs=3, validation_data=held, validation_steps=2, verbose=0
    )
    assert history.history["val_loss"] == squares(*[[0, 1]] * 3)
    assert {i for i in held.seen if isinstance(i, int)} == {0, 1}
    x = np.arange(10, dtype="float32")[:, None]
    options = {"batch_size": 2, "epochs": 2, "validation_steps": 2, "verbose": 0}
    for source in ({"validation_data": (x, 0 * x)}, {"validation_split": 0.6}):
        found = identity(lib).fit(x, 0 * x, **options, **source).history["val_loss"]
        first = 4 if "validation_split" in source else 0
        assert found == squares(*[range(first, first + 4)] * 2)


@pytest.mark.parametrize("workers", [1, 2])
def test_hooks_of_a_dataset_frame_every_epoch(workers):
    data, held = Numbers(count=4), Numbers(count=3)
    data.workers = held.workers = workers
    options = {"epochs": 3, "shuffle": False, "verbose": 0}
    identity(keras).fit(
        data, steps_per_epoch=2, validation_data=held, validation_steps=1, **options
    )
    hooks = [i for i in data.seen if isinstance(i, str)]
    assert hooks == ["begin", "end"] * 3
    assert [i for i in held.seen if isinstance(i, str)] == ["begin", "end"] * 3
    if workers == 1:
        first = ["begin", 0, 1, "end"]
        assert data.seen == [*first, "begin", 2, 3, "end", *first]
        assert held.seen == ["begin", 0, "end"] * 3


def test_a_peeked_batch_is_not_lost():
    feed = Feed(make_adapter(batches()), None)
    assert feed.peek() is feed.peek()
    assert sizes(feed) == [4, 4, 4] and feed.steps == 3


def test_a_generator_is_one_epoch():
    history = linear().fit(batches(), verbose=0)
    assert history.params["steps"] is None and history.epoch == [0]


def test_a_generator_goes_on_where_the_last_epoch_stopped():
    model = linear()
    history = model.fit(batches(6), steps_per_epoch=2, epochs=3, verbose=0)
    assert history.epoch == [0, 1, 2] and model.optimizer.iterations.numpy() == 6


@pytest.mark.parametrize(("count", "steps", "epochs"), [(3, 2, [0, 1]), (4, 2, [0, 1])])
def test_a_generator_that_ends_early_ends_training_with_one_warning(
    count, steps, epochs
):
    model = linear()
    with pytest.warns(
        UserWarning, match=f"ended after {count} batches; expected 2 each"
    ) as caught:
        history = model.fit(batches(count), steps_per_epoch=steps, epochs=4, verbose=0)
    assert len(caught) == 1 and caught[0].filename == __file__
    assert history.epoch == epochs and len(history.history["loss"]) == len(epochs)
    assert model.optimizer.iterations.numpy() == count


def test_a_generator_without_steps_lasts_one_epoch():
    with pytest.warns(UserWarning, match="ended after 3 batches") as caught:
        history = linear().fit(batches(), epochs=3, verbose=0)
    assert len(caught) == 1 and history.epoch == [0]


def test_a_generator_that_ends_early_in_evaluate_and_predict():
    model = linear()
    with pytest.warns(
        UserWarning, match="evaluate: the data ended after 3 batches; expected 5"
    ):
        assert model.evaluate(batches(), steps=5, verbose=0) > 0
    with pytest.warns(UserWarning, match="predict: the data ended"):
        found = model.predict(((X[:4],) for _ in range(3)), steps=5, verbose=0)
    assert found.shape == (12, 1)
    assert model.predict((X[:4] for _ in range(2)), verbose=0).shape == (8, 1)
    assert model.predict(batches(), steps=2, verbose=0).shape == (8, 1)


def test_a_validation_generator_that_is_used_up():
    with pytest.warns(
        UserWarning, match=r"validation_data\): the data ended after 3"
    ) as caught:
        history = linear().fit(X, Y, validation_data=batches(), epochs=3, verbose=0)
    assert len(caught) == 1 and history.epoch == [0, 1, 2]
    assert len(history.history["val_loss"]) == 1


def test_endless_data_need_steps():
    class Endless(Squares):
        num_batches = None

    with pytest.raises(ValueError, match="the data has no end"):
        linear().fit(Endless(), verbose=0)
    assert linear().fit(Endless(), steps_per_epoch=4, epochs=2, verbose=0).epoch == [
        0,
        1,
    ]


# --- PyDataset and other sources


@pytest.mark.parametrize("workers", [1, 3])
def test_a_py_dataset_gives_its_batches_in_order(workers):
    data = Squares(workers=workers, max_queue_size=2)
    adapter = make_adapter(data)
    assert [int(x[0, 0]) for x, _, _ in adapter.epoch()] == [0, 1, 2]
    shuffled = make_adapter(data, shuffle=True)
    orders = [[int(x[0, 0]) for x, _, _ in shuffled.epoch()] for _ in range(8)]
    assert all(sorted(order) == [0, 1, 2] for order in orders)
    assert any(order != [0, 1, 2] for order in orders)


def test_the_hooks_of_a_py_dataset():
    data = Squares()
    model = linear()
    history = model.fit(data, epochs=2, verbose=0, validation_data=Squares())
    assert history.params["steps"] == 3 and len(history.history["val_loss"]) == 2
    assert (data.begun, data.ended) == (2, 2)
    assert model.evaluate(data, verbose=0) >= 0
    assert model.predict(data, verbose=0).shape == (6, 1)


def test_a_py_dataset_without_super_init_or_length():
    class Old(keras.utils.PyDataset):
        def __init__(self):
            pass

        def __len__(self):
            return 2

        def __getitem__(self, index):
            return X[:3], Y[:3]

    assert linear().fit(Old(), verbose=0).params["steps"] == 2

    class Endless(keras.utils.PyDataset):
        def __getitem__(self, index):
            return X, Y

    with pytest.raises(NotImplementedError, match="__len__"):
        linear().fit(Endless(), verbose=0)
    with pytest.raises(NotImplementedError, match="__getitem__"):
        keras.utils.PyDataset()[0]


def test_class_weight_for_batches():
    model = linear(optimizer=keras.optimizers.SGD(0.0))
    y = np.array([[0.0], [1.0], [1.0], [0.0]], "float32")
    loss = model.fit([(X[:4], y)].__iter__(), class_weight={0: 0.0}, verbose=0).history[
        "loss"
    ][0]
    weighted = model.evaluate(X[:4], y, sample_weight=y[:, 0], verbose=0)
    assert loss == pytest.approx(weighted)
    with pytest.raises(ValueError, match="one of the two"):
        model.fit(iter([(X[:4], y, y[:, 0])]), class_weight={0: 0.0}, verbose=0)


class Loader:
    """What a DataLoader looks like: lists of tensors of another library."""

    class Foreign:
        def __init__(self, array):
            self._array = array
            self.shape, self.dtype = array.shape, array.dtype

        def detach(self):
            return self

        def cpu(self):
            return self

        def __array__(self, dtype=None, copy=None):
            return self._array

    def __init__(self, sized=True):
        if sized:
            self.cardinality = lambda: 3

    def __iter__(self):
        for start in (0, 4, 8):
            yield [
                self.Foreign(X[start : start + 4]),
                self.Foreign(Y[start : start + 4]),
            ]


@pytest.mark.parametrize("sized", [True, False])
def test_loaders_of_other_libraries(sized):
    model = linear()
    history = model.fit(
        Loader(sized), epochs=2, verbose=0, validation_data=Loader(sized)
    )
    assert history.epoch == [0, 1] and model.optimizer.iterations.numpy() == 6
    assert history.params["steps"] == (3 if sized else None)
    assert model.evaluate(Loader(sized), verbose=0) == pytest.approx(
        model.evaluate(X, Y, verbose=0), rel=1e-5
    )


def test_datasets_that_give_numpy():
    class Dataset:
        def as_numpy_iterator(self):
            return iter([(X, Y)])

        def __iter__(self):
            raise AssertionError("as_numpy_iterator is the way in")

        def cardinality(self):
            return -2

    assert linear().fit(Dataset(), epochs=2, verbose=0).epoch == [0, 1]


def test_data_frames_tensors_and_variables():
    class Frame:
        """What a pandas DataFrame looks like."""

        shape, dtypes = X.shape, "mixed"

        def to_numpy(self):
            return X.astype("float64")

        def __array__(self, dtype=None, copy=None):
            return self.to_numpy()

    model = linear()
    expected = model.evaluate(X, Y, verbose=0)
    for x in (Frame(), keras.ops.convert_to_tensor(X), keras.Variable(X)):
        assert model.evaluate(x, Y, verbose=0) == pytest.approx(expected)
        assert model.predict(x, verbose=0).shape == (12, 1)


def test_several_inputs_in_lists_and_dicts():
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    model = keras.Model(
        [left, right], keras.layers.Dense(1)(keras.layers.Add()([left, right]))
    )
    model.compile("sgd", "mse")
    loss = model.evaluate([X, X], Y, verbose=0)
    assert model.evaluate({"left": X, "right": X}, Y, verbose=0) == pytest.approx(loss)
    assert model.fit((X, X), Y, batch_size=5, verbose=0).history["loss"]
    assert model.predict([X, X], batch_size=5, verbose=0).shape == (12, 1)
    assert model.predict(iter([((X, X),)]), verbose=0).shape == (12, 1)


def test_batches_of_some_columns_copy_no_more_than_themselves():
    """`numpy.take` would copy the whole of an array that is not contiguous, each time."""
    table = np.arange(60_000 * 8, dtype="float32").reshape(60_000, 8)
    views = [table[:, :5], table[:, ::2], table[::-1], np.asfortranarray(table)]
    for x in views:
        adapter = ArrayAdapter(x, table[:, -1:], batch_size=32, shuffle=True)
        batches = adapter.epoch()
        first = next(batches)[0].copy()
        assert any((first[0] == row).all() for row in x)
        tracemalloc.start()
        try:
            for _ in range(5):
                next(batches)
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert most < x.nbytes / 20
    whole = Dataset.from_tensor_slices(table[:, :5]).shuffle(60_000, seed=1).batch(32)
    series = keras.utils.timeseries_dataset_from_array(
        table[:, :5], None, 4, batch_size=32
    )
    for source in (whole, series):
        batches = iter(source)
        next(batches)
        tracemalloc.start()
        try:
            next(batches)
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert most < table.nbytes / 20
