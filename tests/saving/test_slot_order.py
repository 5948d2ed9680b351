"""State of optimizers in files of Keras 3 that had it in other orders."""

import h5py
import numpy as np
import pytest

import minikeras as keras
from minikeras.saving.dialects.slot_order import todays_order

# What stands where: step, rate, averages, sums of gradients, slots, the product of decays.
AVERAGES, SUMS, SLOTS, PRODUCT = (3, 2), (2, 3), (5, 4), (7,)


class Stored:
    """An optimizer's variables of two weights, each of a shape that tells what it is."""

    def __init__(self, kinds, scheduled=False):
        shapes = [(), *[()] * (not scheduled)]
        self._counters = [np.zeros(shape) for shape in shapes]
        self._iterations = self._counters[0]
        self._learning_rate = None if scheduled else self._counters[1]
        averages = self._new(AVERAGES, "average" in kinds)
        sums = self._new(SUMS, "sum" in kinds)
        self._model_variables_moving_average = averages
        self._accumulated_gradients = sums
        slots = self._new(SLOTS, True)
        product = self._new(PRODUCT, "product" in kinds)[:1]
        self._u_product = product[0] if product else None
        self.variables = [*self._counters, *averages, *sums, *slots, *product]

    def _new(self, shape, there):
        return [np.zeros(shape) for _ in "ab"] if there else []


BOTH = [AVERAGES, SUMS, AVERAGES, SUMS]


@pytest.mark.parametrize(
    ("version", "kinds", "stored"),
    [
        ((3, 0), "sum", None),
        ((3, 10), "average", None),
        ((3, 5), "average sum", [*BOTH, SLOTS, SLOTS]),
        ((3, 10), "product", [PRODUCT, SLOTS, SLOTS]),
        ((3, 11), "product", None),
        ((3, 0), "sum product", [SUMS, SUMS, PRODUCT, SLOTS, SLOTS]),
        ((3, 9), "average sum product", [*BOTH, PRODUCT, SLOTS, SLOTS]),
        (None, "sum product", [SUMS, SUMS, PRODUCT, SLOTS, SLOTS]),
        (None, "", None),
    ],
)
@pytest.mark.parametrize("scheduled", [False, True])
def test_orders_of_all_versions(version, kinds, stored, scheduled):
    optimizer = Stored(kinds, scheduled)
    own = [v.shape for v in optimizer.variables]
    if stored is None:
        assert todays_order(optimizer, own, version) is None
    else:
        stored = [c.shape for c in optimizer._counters] + stored
        order = todays_order(optimizer, stored, version)
        assert [stored[i] for i in order] == own


def test_an_order_is_known_by_the_version_where_shapes_do_not_tell():
    optimizer = Stored("average sum")
    for variable in optimizer.variables[2:6]:
        variable.shape = (6,)
    shapes = [v.shape for v in optimizer.variables]
    assert todays_order(optimizer, shapes, (3, 5)) == [0, 1, 2, 4, 3, 5, 6, 7]
    assert todays_order(optimizer, shapes, (3, 11)) is None
    assert todays_order(optimizer, shapes, None) is None


@pytest.mark.parametrize("name", ["Adam", "Nadam"])
def test_an_h5_file_of_early_keras_3(name, tmp_path):
    """Its state is taken back to where today's optimizer has it."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(getattr(keras.optimizers, name)(gradient_accumulation_steps=3), "mse")
    x, y = np.ones((2, 3), "float32"), np.ones((2, 2), "float32")
    for _ in range(4):
        model.train_on_batch(x, y)
    model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        group = file["optimizer_weights"]
        names = list(group.attrs["weight_names"])
        sums, slots = names[2:4], names[4:8]
        order = names[:2] + sums + names[8:] + slots
        group.attrs["weight_names"] = np.array(order)
        for place in (file, file["model_weights"]):
            place.attrs["keras_version"] = "3.5.0"
    again = keras.models.load_model(tmp_path / "m.h5")
    for a, b in zip(again.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    losses = [(again.train_on_batch(x, y), model.train_on_batch(x, y)) for _ in "123"]
    assert all(a == b for a, b in losses)


def test_an_h5_file_of_2_15_says_what_is_what(tmp_path):
    """Averages stand before the rest and the largest velocities behind, by their names."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="d")])
    model.compile(keras.optimizers.Adam(amsgrad=True, use_ema=True), "mse")
    x, y = np.ones((2, 3), "float32"), np.ones((2, 2), "float32")
    model.train_on_batch(x, y)
    model.save(tmp_path / "m.h5")
    iteration, _, *rest = model.optimizer.variables
    kinds = ["average"] * 2 + ["m", "v"] * 2 + ["vhat"] * 2
    weights = ["kernel", "bias"] + ["kernel"] * 2 + ["bias"] * 2 + ["kernel", "bias"]
    named = {"iteration:0": iteration.numpy()}
    for kind, weight, variable in zip(kinds, weights, rest, strict=True):
        named[f"Adam/{kind}/d/{weight}:0"] = variable.numpy()
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        del file["optimizer_weights"]
        group = file.create_group("optimizer_weights")
        for name, array in named.items():
            group[name] = array
        group.attrs["weight_names"] = np.array([n.encode() for n in named])
        for place in (file, file["model_weights"]):
            place.attrs["keras_version"] = "2.15.0"
    again = keras.models.load_model(tmp_path / "m.h5")
    for a, b in zip(again.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
