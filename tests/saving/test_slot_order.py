"""State of optimizers in files of Keras 3 that had it in other orders."""

import h5py
import numpy as np
import pytest

import minikeras as keras
from minikeras.saving.dialects.slot_order import todays_order

# What stands where: step, rate, sums of gradients, slots, the product of decays.
SUMS, SLOTS, PRODUCT = (3, 2), (5, 4), (7,)


class Stored:
    """An optimizer's variables, each of a shape that tells what it is."""

    def __init__(self, has_sums, has_product):
        shapes = [(), (), *[SUMS] * has_sums, SLOTS, *[PRODUCT] * has_product]
        self.variables = [np.zeros(shape) for shape in shapes]
        self._accumulated_gradients = self.variables[2:3] if has_sums else []
        if has_product:
            self._u_product = self.variables[-1]


@pytest.mark.parametrize(
    ("version", "has", "stored"),
    [
        ((3, 0), (True, False), [(), (), SLOTS, SUMS]),
        ((3, 5), (True, False), [(), (), SLOTS, SUMS]),
        ((3, 6), (True, False), None),
        ((3, 10), (False, True), [(), (), PRODUCT, SLOTS]),
        ((3, 11), (False, True), None),
        ((3, 5), (True, True), [(), (), PRODUCT, SLOTS, SUMS]),
        ((3, 9), (True, True), [(), (), PRODUCT, SUMS, SLOTS]),
        (None, (True, True), [(), (), PRODUCT, SLOTS, SUMS]),
        (None, (False, False), None),
    ],
)
def test_orders_of_all_versions(version, has, stored):
    optimizer = Stored(*has)
    own = [v.shape for v in optimizer.variables]
    order = todays_order(optimizer, stored or own, version)
    if stored is None:
        assert order is None
    else:
        assert [stored[i] for i in order] == own


def test_an_order_is_known_by_the_version_where_shapes_do_not_tell():
    optimizer = Stored(True, False)
    optimizer.variables[3] = np.zeros(SUMS)
    shapes = [(), (), SUMS, SUMS]
    assert todays_order(optimizer, shapes, (3, 5)) == [0, 1, 3, 2]
    assert todays_order(optimizer, shapes, (3, 6)) is None
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
        order = names[:2] + names[8:] + slots + sums
        group.attrs["weight_names"] = np.array(order)
        for place in (file, file["model_weights"]):
            place.attrs["keras_version"] = "3.5.0"
    again = keras.models.load_model(tmp_path / "m.h5")
    for a, b in zip(again.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    losses = [(again.train_on_batch(x, y), model.train_on_batch(x, y)) for _ in "123"]
    assert all(a == b for a, b in losses)
