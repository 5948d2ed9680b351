"""`keras.Operation`: functions of one's own as steps of functional models."""

import pickle

import numpy as np
import pytest

import minikeras
from minikeras import ops
from minikeras.engine.compile import jit

DATA = np.float32([[1, -2, 3]])


@minikeras.saving.register_keras_serializable("tests")
class Times(minikeras.Operation):
    def __init__(self, factor, name=None):
        super().__init__(name=name)
        self.factor = factor

    def call(self, x, shift=0.0):
        return x * self.factor + shift


class Halved(minikeras.Operation):
    """Its values cannot be traced, so it says the shape itself."""

    def call(self, x):
        return ops.convert_to_tensor(np.asarray(x)[:, ::2])

    def compute_output_spec(self, x):
        return minikeras.KerasTensor((x.shape[0], (x.shape[1] + 1) // 2), x.dtype)


def test_called_on_values_and_on_keras_tensors():
    op = Times(3.0)
    assert op(DATA).tolist() == [[3, -6, 9]] and op(2.0, shift=1.0) == 7.0
    x = minikeras.Input((3,))
    y = op(x, shift=2.0)
    assert y.shape == (None, 3) and op.input is x and op.output is y
    assert op.compute_output_spec(minikeras.KerasTensor((5, 3))).shape == (5, 3)
    assert op.symbolic_call(x).shape == (None, 3) and len(op._inbound_nodes) == 2
    assert Halved()(x).shape == (None, 2)


def test_names():
    minikeras.utils.clear_session()
    assert [Times(1.0).name, Times(1.0).name, Halved(name="half").name] == [
        "times",
        "times_1",
        "half",
    ]
    assert repr(Halved(name="half")) == "<Operation name=half>"
    for wrong in ("a/b", 3):
        with pytest.raises(ValueError, match=r"Halved: name="):
            Halved(name=wrong)


def test_models_of_operations(backend):
    x = minikeras.Input((3,))
    model = minikeras.Model(x, Times(2.0, name="twice")(Times(3.0)(x), shift=1.0))
    want = [[7, -11, 19]]
    config = model.get_config()
    models = [
        model,
        minikeras.Model.from_config(config),
        minikeras.models.model_from_json(model.to_json()),
        minikeras.models.clone_model(model),
        pickle.loads(pickle.dumps(model)),
        jit(model),
    ]
    for other in models:
        assert other(DATA).tolist() == want
    assert model.predict(DATA, verbose=0).tolist() == want
    assert [op.name for op in model.operations][-1] == "twice"
    assert len(model.layers) == 1  # the input


def test_a_model_of_values_that_cannot_be_traced():
    x = minikeras.Input((3,))
    model = minikeras.Model(x, Halved()(x) + 1.0)
    assert model(DATA).tolist() == [[2, 4]]


def test_configs():
    assert Times(3.0, name="a").get_config() == {"name": "a", "factor": 3.0}
    again = Times.from_config({"name": "b", "factor": 2.0})
    assert (again.name, again.factor) == ("b", 2.0)
    with pytest.raises(NotImplementedError, match="which a config cannot hold"):
        Times(object()).get_config()


def test_errors():
    with pytest.raises(NotImplementedError, match="it has no call"):
        minikeras.Operation()(1.0)
    for wanted in ("input", "output"):
        with pytest.raises(AttributeError, match=f"no `{wanted}`: it was never called"):
            getattr(Times(1.0), wanted)


def test_what_is_an_operation():
    x = minikeras.Input((3,))
    function = minikeras.Function(x, x + 1.0, name="plus")
    for thing in (
        minikeras.layers.Dense(1),
        minikeras.Sequential(),
        function,
        (x + 1.0)._keras_history.operation,
    ):
        assert isinstance(thing, minikeras.Operation)
    assert function.call(DATA).tolist() == [[2, -1, 4]] and function.name == "plus"
    assert Times(2.0)(function(x)).shape == (None, 3)


def test_layers_are_called_symbolically_too():
    x, dense = minikeras.Input((3,)), minikeras.layers.Dense(2)
    y = dense.symbolic_call(x)
    assert y.shape == (None, 2) and dense.built and dense.output is y
    assert minikeras.Model(x, y)(DATA).shape == (1, 2)


def test_scopes_for_keras():
    with minikeras.SymbolicScope() as scope:
        assert isinstance(scope, minikeras.SymbolicScope)
        assert (minikeras.KerasTensor((None, 2)) * 2).shape == (None, 2)
    with minikeras.StatelessScope(collect_losses=True) as kept:
        kept.add_loss(ops.convert_to_tensor(2.0))
    with minikeras.StatelessScope() as other:
        other.add_loss(ops.convert_to_tensor(2.0))
    assert [float(v) for v in kept.losses] == [2.0] and not other.losses


@pytest.mark.parametrize("base", ["Layer", "Operation"])
def test_configs_without_get_config_hold_defaults_too(base, lib):
    of = lib.layers.Layer if base == "Layer" else lib.Operation

    class Made(of):
        def __init__(self, alpha, beta=1.0, units=(1, 2), **kwargs):
            super().__init__(**kwargs)

    config = Made(0.2, name="made").get_config()
    expected = {"alpha": 0.2, "beta": 1.0, "units": (1, 2)}
    assert {key: config[key] for key in expected} == expected
    assert Made.from_config(config).get_config() == config


def test_a_config_has_no_name_where_none_is_taken(lib):
    class Nameless(lib.Operation):
        def __init__(self, alpha, beta=1.0):
            super().__init__()

    config = Nameless(0.2).get_config()
    assert config == {"alpha": 0.2, "beta": 1.0}
    assert Nameless.from_config(config).get_config() == config


def test_defaults_that_no_config_holds_are_left_out():
    class Made(minikeras.Operation):
        def __init__(self, alpha, function=abs, *more, name=None):
            super().__init__(name=name)

    assert Made(1, name="made").get_config() == {"alpha": 1, "name": "made"}


@pytest.mark.parametrize("base", ["Layer", "Operation"])
def test_input_and_output_are_one_tensor_or_a_flat_list(base, lib):
    of = lib.layers.Layer if base == "Layer" else lib.Operation

    class Both(of):
        def call(self, x, y=None, z=3):
            if isinstance(x, dict):
                return {"p": x["u"] + 1.0, "q": x["v"] + 1.0}
            return x if y is None else x + y

        def compute_output_spec(self, *args, **kwargs):
            return self.call(*args, **kwargs)

    a, b = lib.Input((2,)), lib.Input((2,))
    both = [a, b]
    for call, inputs in (
        (lambda op: op(a), a), (lambda op: op(a, z=1), a), (lambda op: op(a, b), both),
        (lambda op: op(a, y=b), both), (lambda op: op(x=a, y=b), both),
        (lambda op: op({"u": a, "v": b}), both),
    ):  # fmt: skip
        op = Both()
        result = call(op)
        assert op.input is inputs or all(x is y for x, y in zip(op.input, inputs))
        if isinstance(result, dict):
            assert op.output[0] is result["p"] and op.output[1] is result["q"]
        else:
            assert op.output is result
