"""Configs of two keys, as Keras 2 wrote them."""

import pytest

import minikeras as keras
from minikeras.utils.legacy import deserialize_keras_object, serialize_keras_object


class Plain:
    def __init__(self, size=1):
        self.size = size


@keras.saving.register_keras_serializable("pk")
class Registered(keras.layers.Layer):
    pass


def double(x):
    return 2 * x


def test_there_and_back():
    config = serialize_keras_object(keras.layers.Dense(3, name="d"))
    assert (config["class_name"], config["config"]["units"]) == ("Dense", 3)
    for where in ("module_objects", "custom_objects"):
        made = deserialize_keras_object(
            config, **{where: {"Dense": keras.layers.Dense}}
        )
        assert (made.units, made.name) == (3, "d")
    config = serialize_keras_object(Registered(name="r"))
    assert config["class_name"] == "pk>Registered"
    assert type(deserialize_keras_object(config)) is Registered
    assert serialize_keras_object(double) == "double"


def test_names_classes_functions_and_none():
    assert (
        deserialize_keras_object("double", custom_objects={"double": double}) is double
    )
    assert (
        deserialize_keras_object("double", module_objects={"double": double}) is double
    )
    assert type(deserialize_keras_object("Plain", {"Plain": Plain})) is Plain
    plain = deserialize_keras_object(
        {"class_name": "Plain", "config": {"size": 2}}, {"Plain": Plain}
    )
    assert plain.size == 2
    with keras.utils.custom_object_scope({"double": double}):
        assert deserialize_keras_object("double") is double
    assert deserialize_keras_object(double) is double
    assert deserialize_keras_object(None) is None is serialize_keras_object(None)


def test_what_is_unknown_or_odd_is_said():
    with pytest.raises(ValueError, match="Unknown loss: 'Nope'"):
        deserialize_keras_object("Nope", printable_module_name="loss")
    for odd in ({"a": 1}, 3):
        with pytest.raises(ValueError, match="'class_name' and 'config'"):
            deserialize_keras_object(odd)
    with pytest.raises(ValueError, match="expected an object with a get_config"):
        serialize_keras_object(3)
