"""Batches by number over several ranks, which are threads here: each is made once."""

import numpy as np
import pytest

import minikeras as keras
from minikeras.training.data import (
    Feed,
    HuggingFaceAdapter,
    NumberedAdapter,
    py_dataset,
)
from minikeras.training.shards import Divider
from tests.distribution.threads import on_threads


class Numbered(keras.utils.PyDataset):
    """Five batches, the last one short, and a note of those that were made."""

    def __init__(self, **options):
        super().__init__(**options)
        self.made = []
        self.first = 0

    def __len__(self):
        return 5

    def __getitem__(self, number):
        self.made.append(number)
        rows = np.arange(7 if number < 4 else 3) + 10.0 * number + self.first
        return rows, {"y": rows * 2, "scale": np.ones(2)}

    def on_epoch_end(self):
        self.first += 100


class Drawn(Numbered):
    """Noise of a generator that it keeps."""

    def __init__(self):
        super().__init__()
        self.within = {"noise": [np.random.default_rng(3)]}

    def __getitem__(self, number):
        x, y = super().__getitem__(number)
        return x + self.within["noise"][0].normal(size=x.shape), y


class Layered(Numbered):
    """Noise of a layer."""

    def __init__(self):
        super().__init__()
        self.layer = keras.layers.GaussianNoise(1.0, seed=4)

    def __getitem__(self, number):
        x, y = super().__getitem__(number)
        return np.asarray(self.layer(x, training=True)), y


class Iterated(Numbered):
    """What comes next, whatever the number."""

    def __init__(self):
        super().__init__()
        self.numbers = iter(range(1000))

    def __getitem__(self, number):
        return super().__getitem__(next(self.numbers) % 5)


def named(seed):
    """A class whose method names a generator that no instance holds."""
    noise = np.random.default_rng(seed)

    def noisy(x):
        return x + noise.normal(size=x.shape)

    class Named(Numbered):
        def __getitem__(self, number):
            x, y = super().__getitem__(number)
            return noisy(x), y

    return Named()


def passes(make, size, epochs=2, steps=None, ahead=True, shuffle=False):
    """The batches of some epochs, and the numbers made, for each rank."""

    def run(rank):
        dataset = make()
        adapter = NumberedAdapter(dataset, shuffle=shuffle)
        divider = Divider(adapter, "fit", ahead) if size > 1 else None
        found = []
        with Feed(adapter, steps, epochs, ahead=ahead) as feed:
            feed.peek()
            for _ in range(epochs):
                for batch in feed.epoch():
                    found.append(batch if divider is None else divider.part(batch))
        return found, dataset.made

    return [run(0)] if size == 1 else on_threads(size, run)


def check_whole(found, wanted):
    """The rows of all ranks, put together, are those of one process."""
    assert {len(f) for f, _ in found} == {len(wanted)}
    for parts, (x, y, weight) in zip(zip(*[f for f, _ in found]), wanted, strict=True):
        np.testing.assert_array_equal(np.concatenate([p[0] for p in parts]), x)
        np.testing.assert_array_equal(
            np.concatenate([p[1]["y"] for p in parts]), y["y"]
        )
        assert weight is None and all(p[1]["scale"].shape == (2,) for p in parts)


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("options", [{}, {"workers": 3}])
@pytest.mark.parametrize("ahead", [True, False])
def test_each_batch_is_made_by_one_rank(size, options, ahead):
    ((wanted, _),) = passes(Numbered, 1)
    found = passes(lambda: Numbered(**options), size, ahead=ahead)
    check_whole(found, wanted)
    for rank, (_, made) in enumerate(found):
        assert sorted(made) == sorted(list(range(rank, 5, size)) * 2)


def test_shuffled_batches_are_those_of_one_order(monkeypatch):
    order = np.array([3, 1, 4, 0, 2])  # drawn by each rank alike; threads share a state
    monkeypatch.setattr(py_dataset, "permutation", lambda count: order)
    ((wanted, _),) = passes(Numbered, 1, shuffle=True)
    found = passes(Numbered, 2, shuffle=True)
    check_whole(found, wanted)
    assert [made for _, made in found] == [[3, 4, 2] * 2, [1, 0] * 2]


def test_no_more_are_made_than_epochs_of_steps_want():
    """A hook after an epoch changes the data, so nothing may be made before it."""
    ((wanted, _),) = passes(Numbered, 1, epochs=2, steps=2)
    found = passes(Numbered, 2, epochs=2, steps=2)
    check_whole(found, wanted)
    assert sorted(m for _, made in found for m in made) == [0, 1, 2, 3]


@pytest.mark.parametrize("make", [Drawn, Layered, Iterated, lambda: named(5)])
def test_what_goes_on_from_the_last_batch_is_made_by_all(make):
    ((wanted, numbers),) = passes(make, 1)
    found = passes(make, 2)
    check_whole(found, wanted)
    assert all(made == numbers for _, made in found)


def test_a_generator_for_the_order_alone_is_no_draw_of_batches():
    class Ordered(Numbered):
        def __init__(self):
            super().__init__()
            self.rng = np.random.default_rng(0)
            self.order = np.arange(5)

        def __getitem__(self, number):
            return super().__getitem__(int(self.order[number]))

        def on_epoch_end(self):
            self.rng.shuffle(self.order)

    ((wanted, numbers),) = passes(Ordered, 1)
    found = passes(Ordered, 2)
    check_whole(found, wanted)
    assert sum(len(made) for _, made in found) == len(numbers)


def test_an_error_in_one_ranks_turn_is_one_everywhere():
    class Broken(Numbered):
        def __getitem__(self, number):
            if number == 3:
                raise OSError("no such picture")
            return super().__getitem__(number)

    def run(rank):
        adapter = NumberedAdapter(Broken())
        divider = Divider(adapter, "fit")
        with Feed(adapter, None) as feed, pytest.raises(OSError, match="no such") as e:
            list(map(divider.part, feed.epoch()))
        return e.value.__notes__

    own, other = on_threads(2, run)[::-1]
    assert own[0] == "raised while making batch 3 of Broken"
    assert other[-1] == "raised on rank 1, whose turn it was to make the batch"


class Columns:
    """A Hugging Face dataset that notes which rows were read."""

    column_names, features = ["x", "label"], {}

    def __init__(self):
        self.read = []

    def with_format(self, kind):
        return self

    def __len__(self):
        return 10

    def __getitem__(self, rows):
        numbers = np.arange(10)[rows]
        self.read += numbers.tolist()
        return {"x": numbers * 1.0, "label": numbers}


@pytest.mark.parametrize("shuffle", [False, "batch"])
def test_rows_of_a_hugging_face_dataset_are_read_where_they_are_wanted(shuffle):
    def run(rank):
        source = Columns()
        adapter = HuggingFaceAdapter(source, None, 4, shuffle)
        divider = Divider(adapter, "fit")
        return [divider.part(b)[0] for b in adapter.epoch()], source.read

    (first, read), (second, other) = on_threads(2, run)
    assert len(read) == len(other) == 5 and [len(b) for b in first] == [2, 2, 1]
    if not shuffle:
        whole = np.concatenate([r for pair in zip(first, second) for r in pair])
        assert whole.tolist() == list(range(10))
