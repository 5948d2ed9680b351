"""Dataset.cache(filename): the elements, to the bit, in this process and in others."""

import ml_dtypes
import numpy as np
import pytest

from minikeras.engine import tree
from minikeras.training.data.dataset.elements import to_host
from minikeras.utils import Dataset

ELEMENTS = [
    (
        {"a": np.arange(6.0).reshape(2, 3) * i, "s": np.array(["ä", "", "b"][: i + 1])},
        (np.int8(i), None, np.array([1.5, i], ml_dtypes.bfloat16)),
        np.zeros((0, 2), bool),
    )
    for i in range(3)
]


class Source:
    """A Dataset that counts how often it is read."""

    def __init__(self, elements):
        self.passes = 0
        self.elements = [to_host(element) for element in elements]

    def dataset(self):
        def items():
            self.passes += 1
            return iter(self.elements)

        return Dataset(items, len(self.elements))


def same(found, wanted):
    assert tree.flatten_spec(found)[1] == tree.flatten_spec(wanted)[1]
    for a, b in zip(tree.flatten(found), tree.flatten(wanted), strict=True):
        if b is not None:
            assert a.dtype == b.dtype and a.shape == b.shape
            np.testing.assert_array_equal(a, b)


def test_elements_come_back(tmp_path):
    source, name = Source(ELEMENTS), str(tmp_path / "below" / "kept")
    data = source.dataset().cache(name)
    for _ in range(3):
        for found, wanted in zip(
            data.as_numpy_iterator(), source.elements, strict=True
        ):
            same(found, wanted)
    again = Source([]).dataset().cache(name)  # as another process would
    same(tuple(again.as_numpy_iterator()), tuple(source.elements))
    assert source.passes == 1 and len(data) == 3
    assert [p.name for p in (tmp_path / "below").iterdir()] == ["kept.elements"]


def test_a_pass_that_ends_early_leaves_nothing(tmp_path):
    source = Source(ELEMENTS)
    data = source.dataset().cache(tmp_path / "kept")
    assert len(list(data.take(2))) == 2
    assert list(tmp_path.iterdir()) == []
    assert len(list(data)) == 3 and len(list(data.take(1))) == 1 and source.passes == 2


def test_none_at_all(tmp_path):
    data = Source([]).dataset().cache(tmp_path / "kept")
    assert list(data) == list(data) == []


def test_training_from_a_file(tmp_path):
    import minikeras as keras

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(10, 3)).astype("float32"), np.ones((10, 1), "float32")

    def losses(data):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        return model.fit(data, epochs=3, verbose=0).history["loss"]

    data = Dataset.from_tensor_slices((x, y)).batch(4)
    kept = data.cache(tmp_path / "kept").prefetch(2)
    assert losses(kept) == losses(kept) == losses(data)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-9],
        lambda data: b"x" + data,
        lambda data: data[:21] + b"\xf0" * 8 + data[29:],
        lambda data: data.replace(b'"tuple"', b'"tupel"').replace(b"int8", b"int9"),
        lambda data: data[:21] + (2).to_bytes(8, "little") + b"[[" + data[31:],
    ],
)
def test_damaged_files(tmp_path, damage):
    data = Source(ELEMENTS).dataset().cache(tmp_path / "kept")
    assert len(list(data)) == 3
    path = tmp_path / "kept.elements"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"kept\.elements' is damaged"):
        list(data)
