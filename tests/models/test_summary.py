"""What `summary` counts before and after training."""

import numpy as np
import pytest

import minikeras as keras


def totals(model):
    lines = []
    model.summary(print_fn=lambda text, **_: lines.extend(text.splitlines()))
    pairs = [line.split(":") for line in lines if "params:" in line]
    return {name.strip(): value.strip() for name, value in pairs}


PLAIN = {
    "Total params": "37 (148.00 B)",
    "Trainable params": "29 (116.00 B)",
    "Non-trainable params": "8 (32.00 B)",
}


@pytest.mark.parametrize(
    ("name", "total", "own"),
    [
        ("adam", "97 (388.00 B)", "60 (240.00 B)"),
        ("sgd", "39 (156.00 B)", "2 (8.00 B)"),
    ],
)
def test_the_optimizers_state_counts_once_it_is_there(lib, name, total, own):
    layers = [lib.layers.Dense(4), lib.layers.BatchNormalization(), lib.layers.Dense(1)]
    model = lib.Sequential([lib.Input((3,)), *layers])
    assert totals(model) == PLAIN
    model.compile(name, "mse")
    assert totals(model) == PLAIN
    model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0)
    assert totals(model) == {**PLAIN, "Total params": total, "Optimizer params": own}
    model.compile(name, "mse")
    assert totals(model) == PLAIN


def test_layers_that_a_build_builds_say_their_shapes(lib, capsys):
    class Two(lib.Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = lib.layers.Dense(4), lib.layers.Dense(2)

        def build(self, shape):
            self.first.build(shape)
            self.second.build((None, 4))
            self.built = True

        def call(self, x):
            return self.second(self.first(x))

    model = Two()
    model.build((None, 3))
    model.summary()
    out = capsys.readouterr().out
    assert "(None, 4)" in out and "(None, 2)" in out


@pytest.mark.parametrize("wrong", [TypeError, KeyError])
def test_an_error_of_a_layers_own_shape_is_the_users_to_see(wrong):
    class Wrong(keras.layers.Layer):
        def build(self, input_shape):
            self.built = True

        def compute_output_shape(self, input_shape):
            raise wrong("my own mistake")

        def call(self, x):
            return x

    class Asks(Wrong):
        def compute_output_shape(self, input_shape, more):
            return input_shape

    class Holder(keras.Model):
        def __init__(self, part):
            super().__init__()
            self.part = part

        def build(self, shape):
            self.part.build(shape)
            self.built = True

    model = Holder(Wrong())
    model.build((None, 3))
    with pytest.raises(wrong, match="my own mistake"):
        model.summary()
    model = Holder(Asks())
    model.build((None, 3))
    shown = []
    model.summary(print_fn=lambda line, line_break=False: shown.append(line))
    assert "?" in "\n".join(shown)
