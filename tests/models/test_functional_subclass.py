"""Models of a graph that hold more than the graph."""

import numpy as np

import minikeras as keras


class Longer(keras.Model):
    def __init__(self):
        start = keras.Input((3,))
        super().__init__(start, keras.layers.Dense(2, name="first")(start))
        self.last = keras.layers.Dense(1, name="last")
        self.last.build((None, 2))
        self.gain = self.add_weight(shape=(), initializer="ones", name="gain")

    def call(self, inputs, training=None):
        return self.gain * self.last(super().call(inputs))


def test_layers_and_weights_made_after_the_graph_are_trained():
    model = Longer()
    assert [layer.name for layer in model.layers[1:]] == ["first"]
    before = {v.path: v.numpy() for v in model.trainable_variables}
    assert sorted(path.split("/")[-2] for path in before if "kernel" in path) == [
        "first",
        "last",
    ]
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 3)), np.full((4, 1), 9.0), verbose=0)
    assert all((v.numpy() != before[v.path]).any() for v in model.trainable_variables)


def test_a_built_graph_takes_more():
    start = keras.Input((3,))
    model = keras.Model(start, keras.layers.Dense(2)(start))
    model.extra = keras.layers.Dense(5)
    model.seen = keras.metrics.Mean()
    model.count = keras.Variable(1.0)
    assert len(model.layers) == 2 and len(model.weights) == 3
    np.testing.assert_array_equal(model(np.zeros((1, 3))), np.zeros((1, 2)))
