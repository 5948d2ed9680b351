"""`keras.utils.Config`, `get_source_inputs` and `normalize` of lists."""

import copy
import json
import pickle

import numpy as np
import pytest

import minikeras
from minikeras.utils import Config, get_source_inputs


def test_a_config_is_a_dict_with_attributes():
    config = Config(a=1, b={"d": 2})
    config.c, config["e"] = 3, 4
    assert config.a == config["a"] == 1 and config.get("z") is None
    assert config.get("z", 7) == 7 and list(config) == ["a", "b", "c", "e"]
    assert dict(config) == config.as_dict() and len(config) == 4 and "e" in config
    assert list(config.values())[2:] == [3, 4] and ("c", 3) in config.items()
    assert json.loads(config.to_json()) == config.as_dict()
    del config.c, config["e"]
    config.update({"m": 1}, n=2)
    config.update(Config(k=3))
    assert config.pop("a") == 1 and config.pop("a", 5) == 5
    assert repr(config) == "<Config {'b': {'d': 2}, 'm': 1, 'n': 2, 'k': 3}>"
    assert not Config() and Config(get=3)["get"] == 3


def test_a_frozen_config():
    config = Config(a=1)
    config.freeze()
    for other in (config, copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert other.frozen and other.as_dict() == {"a": 1}
        for change in (
            lambda c: setattr(c, "a", 2),
            lambda c: c.__setitem__("b", 2),
            lambda c: c.__delitem__("a"),
            lambda c: delattr(c, "a"),
            lambda c: c.update(a=2),
            lambda c: c.pop("a"),
        ):
            with pytest.raises(ValueError, match="it is frozen"):
                change(other)
        assert other.as_dict() == {"a": 1}
    config.unfreeze()
    config.a = 2
    assert config.a == 2 and not config.frozen


def test_what_a_config_does_not_have():
    config = Config(a=1)
    with pytest.raises(AttributeError, match="no setting 'zz'"):
        config.zz  # noqa: B018
    with pytest.raises(AttributeError, match="no setting 'zz'"):
        del config.zz
    for missing in (lambda: config["zz"], lambda: config.pop("zz")):
        with pytest.raises(KeyError):
            missing()
    with pytest.raises(AttributeError, match=r"write config\['get'\]"):
        config.get = 3
    with pytest.raises(TypeError):
        Config(a=object()).to_json()


def test_sources():
    a, b, c = (minikeras.Input((2,), name=name) for name in "abc")
    y = minikeras.layers.Add()([b * 2, a]) + b
    names = [t.name for t in get_source_inputs(y)]
    assert names == ["b", "a"]
    assert get_source_inputs(c) == [c] and get_source_inputs([a, y]) == [a, b]
    alone = minikeras.KerasTensor((2,))
    assert get_source_inputs(alone) is alone and get_source_inputs(3) == 3
    assert get_source_inputs((alone + b) * alone) == [alone, b]


def test_a_list_is_normalized_as_a_tensor():
    found = minikeras.utils.normalize([3, 4])
    assert found.shape == (2,) and found.dtype == "float32"
    np.testing.assert_allclose(found, [0.6, 0.8], rtol=1e-6)
    array = minikeras.utils.normalize(np.array([[3.0, 4.0]]))
    assert type(array) is np.ndarray and array.tolist() == [[0.6, 0.8]]
