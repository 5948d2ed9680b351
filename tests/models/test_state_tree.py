"""`Model.get_state_tree` and `set_state_tree`."""

import numpy as np
import pytest

import minikeras
from tests.goldens.oracle import keras, oracle


def built(library):
    library.utils.clear_session()  # so that names count from the start
    layers = library.layers
    model = library.Sequential(
        [
            library.Input((2,)),
            layers.Dense(1, name="d"),
            layers.BatchNormalization(name="b"),
        ],
        name="s",
    )
    model.compile("adam", "mse", metrics=["mae"])
    return model


def fitted(library):
    model = built(library)
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    return model


def shapes(tree):
    if isinstance(tree, dict):
        return {name: shapes(part) for name, part in tree.items()}
    return tuple(tree.shape)


@oracle
@pytest.mark.filterwarnings("ignore")
def test_the_tree_is_that_of_keras():
    want = shapes(fitted(keras()).get_state_tree())
    assert shapes(fitted(minikeras).get_state_tree()) == want
    arrays = fitted(minikeras).get_state_tree(value_format="numpy_array")
    assert shapes(arrays) == want
    assert type(arrays["metrics_variables"]["loss"]["total"]) is np.ndarray


def test_a_tree_goes_back():
    first, second = fitted(minikeras), fitted(minikeras)
    second.set_state_tree(first.get_state_tree("numpy_array"))
    x = np.float32([[1, 2]])
    np.testing.assert_array_equal(first(x), second(x))
    assert (
        minikeras.Sequential([minikeras.layers.Dense(1)]).get_state_tree()[
            "optimizer_variables"
        ]
        == {}
    )


def test_a_part_of_a_tree():
    model = built(minikeras)
    bias = model.layers[0].bias.numpy()
    part = {"s": {"d": {"kernel": np.full((2, 1), 7.0), "unknown": 1}}}
    model.set_state_tree({"trainable_variables": part})
    assert model.layers[0].kernel.numpy().tolist() == [[7], [7]]
    np.testing.assert_array_equal(model.layers[0].bias.numpy(), bias)


def test_errors_change_nothing():
    model = built(minikeras)
    before = model.layers[0].kernel.numpy()
    good = {"s": {"d": {"kernel": np.zeros((2, 1))}}}
    wrong = {"s": {"b": {"moving_mean": np.zeros(3)}}}
    with pytest.raises(ValueError, match=r"shape \(3,\) for 's/b/moving_mean'"):
        model.set_state_tree(
            {"trainable_variables": good, "non_trainable_variables": wrong}
        )
    with pytest.raises(ValueError, match="a group 'weights'; expected some of train"):
        model.set_state_tree({"trainable_variables": good, "weights": {}})
    with pytest.raises(ValueError, match="got int"):
        model.set_state_tree(3)
    with pytest.raises(ValueError, match="value_format='torch'"):
        model.get_state_tree("torch")
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), before)


def test_two_variables_of_one_path_are_refused(lib):
    class Twins(lib.Model):
        def __init__(self):
            super().__init__()
            self.a, self.b = (lib.layers.Dense(2, name="x") for _ in range(2))

        def call(self, x):
            return self.b(self.a(x))

    model = Twins()
    model(np.ones((1, 2)))
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="x/"):
        model.get_state_tree()
