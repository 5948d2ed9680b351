"""Arguments that layers register, and that calls inside a call follow."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers
from tests.goldens.oracle import keras as oracle

X = np.zeros((2, 1), "float32")


@pytest.fixture(params=["minikeras", pytest.param("keras", marks=pytest.mark.oracle)])
def lib(request):
    return keras if request.param == "minikeras" else oracle()


def classes(lib):
    class Leaf(lib.layers.Layer):
        """Adds `by` to what it gets."""

        def __init__(self, follows=True):
            super().__init__()
            if follows:
                self._register_call_context_args("by")

        def call(self, x, by=1.0):
            return x + (100.0 if by is None else by)

    class Holder(lib.layers.Layer):
        """Calls what is in it, with options of its own."""

        def __init__(self, inner, *names, **options):
            super().__init__()
            self.inner, self.options = inner, options
            if names:
                self._register_call_context_args(*names)

        def call(self, x):
            return self.inner(x, **self.options)

    return Leaf, Holder


def _value(result):
    return float(np.asarray(result)[0, 0])


def test_what_a_call_is_given_reaches_the_layers_that_follow_it(lib):
    leaf, holder = classes(lib)
    cases = [
        (leaf(), 3.0),
        (leaf(follows=False), 3.0),
        (holder(leaf(), "by"), 3.0),
        (holder(leaf(follows=False), "by"), 1.0),
        (holder(holder(leaf()), "other", "by"), 3.0),
        (holder(leaf(), "by", by=7.0), 7.0),
        (holder(leaf(), "by", by=None), 100.0),
        (holder(holder(leaf(), "by", by=5.0), "by"), 5.0),
    ]
    for layer, wanted in cases:
        assert _value(layer(X, by=3.0)) == wanted
        assert _value(layer(X, by=3.0)) == wanted  # built, by the short way
    assert _value(holder(leaf(), "by")(X)) == 1.0
    assert _value(holder(leaf(), "by")(X, by=None)) == 1.0
    with pytest.raises(TypeError, match="unexpected keyword argument 'by'"):
        holder(leaf())(X, by=3.0)


def test_models_pass_them_on(lib):
    leaf, holder = classes(lib)
    inputs = lib.Input((1,))
    graph = lib.Model(inputs, holder(leaf())(inputs))
    outer_inputs = lib.Input((1,))
    for model in (
        lib.Sequential([holder(leaf())]),
        lib.Sequential([lib.Input((1,)), holder(leaf())]),
        lib.Model(outer_inputs, graph(outer_inputs)),
    ):
        assert _value(model(X)) == 1.0
        plain = lib.Sequential([model])
        plain._register_call_context_args("by")
        assert _value(plain(X, by=2.0)) == 2.0
        assert _value(plain(X)) == 1.0
        assert _value(plain.predict(X, verbose=0)) == 1.0


def test_what_a_symbolic_call_is_given_stays_in_the_graph(lib):
    leaf, holder = classes(lib)
    inputs = lib.Input((1,))
    model = lib.Model(inputs, holder(leaf(), "by")(inputs, by=4.0))
    assert _value(model(X)) == 4.0
    assert _value(model.predict(X, verbose=0)) == 4.0


def test_they_are_registered_before_the_first_call(lib):
    leaf, _ = classes(lib)
    layer = leaf(follows=False)
    layer(X)
    with pytest.raises(RuntimeError, match="after the layer has been called"):
        layer._register_call_context_args("by")


def test_a_call_leaves_no_values_behind():
    leaf, holder = classes(keras)

    class Fails(layers.Layer):
        def __init__(self):
            super().__init__()
            self._register_call_context_args("by")

        def call(self, x, by=None):
            raise RuntimeError("mine")

    pair = holder(Fails(), "by")
    with pytest.raises(RuntimeError, match="mine"):
        pair(X, by=3.0)
    assert _value(holder(leaf(), "by")(X)) == 1.0
