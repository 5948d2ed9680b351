"""Objects from configs and names."""

import pytest

import minikeras as keras


def test_a_name_among_module_objects_is_an_object_or_a_function():
    """As packages look their own classes up: `samplers.get("greedy")`."""

    class Greedy:
        def __init__(self, k=3):
            self.k = k

        def get_config(self):
            return {"k": self.k}

        @classmethod
        def from_config(cls, config):
            return cls(**config)

    known = {"greedy": Greedy, "double": len}
    deserialize = keras.saving.deserialize_keras_object
    assert deserialize("greedy", module_objects=known).k == 3
    assert deserialize("double", module_objects=known) is len
    assert deserialize("greedy", custom_objects=known) is Greedy
    assert deserialize("other", module_objects=known) == "other"


@pytest.mark.parametrize("package", ["Custom", "mine"])
@pytest.mark.parametrize("plain", [False, True])
def test_a_registered_function_by_its_own_name_alone(lib, package, plain):
    """As Keras 3.6 wrote it."""

    def squares(x):
        return x**2

    name = f"squares_of_{package}_{plain}"
    lib.saving.register_keras_serializable(package, name)(squares)
    config = {
        "class_name": "function",
        "config": name,
        "module": "builtins",
        "registered_name": name if plain else "function",
    }
    assert lib.saving.deserialize_keras_object(config) is squares


@pytest.mark.parametrize(
    "config",
    [
        {"class_name": "function", "config": ["no", "text"]},
        {"class_name": "__typespec__", "config": {}},
    ],
)
def test_configs_of_the_wrong_kind(lib, config):
    with pytest.raises(TypeError):
        lib.saving.deserialize_keras_object(config)


@pytest.mark.parametrize(
    ("kind", "module", "inner"),
    [
        ("Dense", "keras.layers", {"units": 2}),
        ("function", "keras.activations", "relu"),
    ],
)
def test_nothing_of_keras_stands_in_for_what_was_registered(lib, kind, module, inner):
    name = kind if kind != "function" else inner
    config = {"class_name": kind, "module": module, "config": inner}
    load = lib.saving.deserialize_keras_object
    for registered in (f"mine>{name}", "another"):
        with pytest.raises(ValueError, match=registered):
            load({**config, "registered_name": registered})
    for registered in (name, "", None):
        assert callable(load({**config, "registered_name": registered}))


@pytest.mark.parametrize("config", [{"name": "a"}, {}])
def test_a_sequential_config_has_layers(config):
    with pytest.raises(ValueError, match="expected 'name' and 'layers'"):
        keras.Sequential.from_config(config)


MISSPELT = [
    ("layers", "Dence", "Dense"),
    ("initializers", "GlorotUniforn", "GlorotUniform"),
    ("regularizers", "L11", "l1"),
    ("constraints", "MaxNom", "MaxNorm"),
    ("losses", "MeanSquaredEror", "MeanSquaredError"),
    ("metrics", "Acuracy", "accuracy"),
    ("optimizers", "Adma", "adam"),
    ("optimizers.schedules", "ExponentialDecy", "ExponentialDecay"),
    ("activations", "rellu", "relu"),
    ("dtype_policies", "DTypePolcy", "DTypePolicy"),
]


@pytest.mark.parametrize("module", ["keras.FAMILY", None])
@pytest.mark.parametrize(("family", "name", "meant"), MISSPELT)
def test_a_misspelt_class_is_told_the_nearest(family, name, meant, module):
    config = {"class_name": name, "config": {}, "registered_name": None}
    if module is not None:
        config["module"] = module.replace("FAMILY", family)
    find = keras
    for part in family.split("."):
        find = getattr(find, part)
    for deserialize in (find.deserialize, keras.saving.deserialize_keras_object):
        with pytest.raises(TypeError, match=f"(?i)Did you mean .*{meant!r}"):
            deserialize(config)


def test_a_misspelt_class_of_the_users_own():
    with (
        keras.saving.custom_object_scope({"Grower": keras.layers.Dense}),
        pytest.raises(TypeError, match=r"mean 'Grower' .*\? If it is of your own"),
    ):
        keras.layers.deserialize({"class_name": "Growr", "config": {}})
    with pytest.raises(
        TypeError
    ) as caught:  # whatever a file says: no work, no long text
        keras.layers.deserialize({"class_name": "D" * 10**6, "config": {}})
    assert len(str(caught.value)) < 600


def test_a_config_that_cannot_be_made_says_why(lib, tmp_path):
    @lib.saving.register_keras_serializable("mine")
    class Grown:
        def __init__(self, factor):
            self.factor = factor

        def __call__(self, x):
            return x * self.factor

        def get_config(self):
            return {"factor": self.factor}

    for family in ("activations", "constraints", "regularizers"):
        with pytest.raises(TypeError, match="from_config"):
            getattr(lib, family).get(lib.saving.serialize_keras_object(Grown(2.0)))
