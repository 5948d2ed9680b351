"""Lambdas in files: only code of this Python runs, and that only when it is allowed."""

import base64
import marshal
import sys

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers
from minikeras.saving.bytecode import load_code

# lambda x: (x - 127.5) / 127.5 + max(x.shape[0], 1), compiled by each version.
COMPILED = {
    (
        3,
        6,
    ): "4wEAAAAAAAAAAQAAAAQAAABDAAAAcxwAAAB8AGQBGABkARsAdAB8AGoBZAIZAGQDgwIXAFMAKQRO5wAAA"
    "AAA4F9A6QAAAADpAQAAACkC2gNtYXjaBXNoYXBlKQHaAXipAHIHAAAA2gg8c3RyaW5nPtoIPGxhbWJkYT4DAAAAcw"
    "AAAAA=",
    (
        3,
        8,
    ): "4wEAAAAAAAAAAAAAAAEAAAAEAAAAQwAAAHMcAAAAfABkARgAZAEbAHQAfABqAWQCGQBkA4MCFwBTACkETu"
    "cAAAAAAOBfQOkAAAAA6QEAAAApAtoDbWF42gVzaGFwZSkB2gF4qQByBwAAANoIPHN0cmluZz7aCDxsYW1iZGE+AwA"
    "AAPMAAAAA",
    (
        3,
        10,
    ): "4wEAAAAAAAAAAAAAAAEAAAAEAAAAQwAAAHMcAAAAfABkARgAZAEbAHQAfABqAWQCGQBkA4MCFwBTACkET"
    "ucAAAAAAOBfQOkAAAAA6QEAAAApAtoDbWF42gVzaGFwZSkB2gF4qQByBwAAANoIPHN0cmluZz7aCDxsYW1iZGE+Aw"
    "AAAHMCAAAAHAA=",
    (
        3,
        11,
    ): "4wEAAAAAAAAAAAAAAAUAAAADAAAA80oAAACXAHwAZAF6CgAAZAF6CwAAdAEAAAAAAAAAAAAAfABqAQAAA"
    "AAAAAAAZAIZAAAAAAAAAAAAZAOmAgAAqwIAAAAAAAAAAHoAAABTACkETucAAAAAAOBfQOkAAAAA6QEAAAApAtoDbW"
    "F42gVzaGFwZSkB2gF4cwEAAAAg+gg8c3RyaW5nPvoIPGxhbWJkYT5yCQAAAAMAAABzJAAAAIAAiFGQFYlZmCXRDB+"
    "lI6BhpGeoYaRqsCHRIjTUIjTRDDSAAPMAAAAA",
    (
        3,
        12,
    ): "4wEAAAAAAAAAAAAAAAUAAAADAAAA80YAAACXAHwAZAF6CgAAZAF6CwAAdAEAAAAAAAAAAHwAagIAAAAAA"
    "AAAAAAAAAAAAAAAAABkAhkAAABkA6sCAAAAAAAAegAAAFMAKQRO5wAAAAAA4F9A6QAAAADpAQAAACkC2gNtYXjaBX"
    "NoYXBlKQHaAXhzAQAAACD6CDxzdHJpbmc++gg8bGFtYmRhPnIJAAAAAwAAAHMjAAAAgACIUZAViVmYJdEMH6QjoGG"
    "nZ6FnqGGharAh0yI00Qw0gADzAAAAAA==",
    (
        3,
        13,
    ): "4wEAAAAAAAAAAAAAAAUAAAADAAAA80YAAACVAFUAUwEtCgAAUwEtCwAAWwEAAAAAAAAAAFUAUgIAAAAAA"
    "AAAAAAAAAAAAAAAAABTAgUAAABTAzUCAAAAAAAALQAAACQAKQRO5wAAAAAA4F9A6QAAAADpAQAAACkC2gNtYXjaBX"
    "NoYXBlKQHaAXhzAQAAACDaCDxzdHJpbmc+2gg8bGFtYmRhPnIJAAAAAwAAAHMhAAAAgACIUZAViVmYJdEMH6QjoGG"
    "nZ6FnqGGharAh0yI00gw08wAAAAA=",
}
HERE = sys.version_info[:2]


@pytest.mark.parametrize("version", COMPILED)
def test_code_of_other_versions_is_refused(version):
    data = base64.b64decode(COMPILED[version])
    if version == HERE:
        assert load_code(data).co_names == ("max", "shape")
        return
    with pytest.raises(ValueError, match="another version of Python"):
        load_code(data)


def functions():
    scale = 3
    yield lambda x: x * 2
    yield lambda x, k=scale: [k * v if v else x for v in range(3)]
    yield lambda x: {a: b + 1 for a, b in zip(x, x, strict=True)}
    yield lambda x: (yield x) or (lambda y: y + scale)(x)

    def long(x):
        try:
            while x > 0:
                x -= 1
                if x == 7:
                    continue
        except (TypeError, ValueError) as error:
            raise RuntimeError(str(error)) from None
        finally:
            with open(__file__) as file:
                x += len(file.read(1))
        return f"{x!r}" if x else None

    yield long
    yield test_code_of_other_versions_is_refused


@pytest.mark.parametrize("function", list(functions()), ids=lambda f: f.__name__)
def test_code_of_this_version_is_taken(function):
    code = function.__code__
    assert load_code(marshal.dumps(code)) == code


def test_what_is_no_code():
    for data in (
        b"",
        b"\xe3",
        marshal.dumps([1]),
        base64.b64decode(COMPILED[3, 11])[:60],
    ):
        with pytest.raises(ValueError, match="another version of Python"):
            load_code(data)


def of_keras_2(function, kind):
    return {"class_name": "Lambda", "config": {
        "name": "l", "function": function, "function_type": kind, "module": "__main__",
        "output_shape": None, "output_shape_type": "raw", "output_shape_module": None,
        "arguments": {}}}  # fmt: skip


@pytest.mark.parametrize("defaults", [None, [3.0]])
def test_lambdas_of_keras_2(defaults):
    def function(x, k=2.0):
        return ops.multiply(x, k) + offset  # noqa: F821 as in the file's maker's module

    code = base64.b64encode(marshal.dumps(function.__code__)).decode()
    config = of_keras_2([code, defaults or (2.0,), None], "lambda")
    with pytest.raises(ValueError, match="safe mode"):
        keras.saving.deserialize_keras_object(config)
    layer = keras.saving.deserialize_keras_object(
        config, safe_mode=False, custom_objects={"offset": 1.0}
    )
    want = 3.0 * (defaults or [2.0])[0] + 1.0
    np.testing.assert_array_equal(layer(np.full(1, 3.0, "float32")), [want])
    config["config"]["function"][0] = COMPILED[3, 8]
    with pytest.raises(ValueError, match="another version of Python"):
        keras.saving.deserialize_keras_object(config, safe_mode=False)


def test_named_functions_of_keras_2():
    """Only activations and ops, and what the user passes."""
    layer = keras.saving.deserialize_keras_object(of_keras_2("softplus", "function"))
    np.testing.assert_allclose(layer(np.zeros(1, "float32")), [np.log(2)], rtol=1e-6)
    for name in ("load_model", "get_file", "load_data", "eval", "clone_model"):
        with pytest.raises(ValueError, match=name):
            keras.saving.deserialize_keras_object(of_keras_2(name, "function"))
    own = {"thrice": lambda x: 3 * x}
    layer = keras.saving.deserialize_keras_object(
        of_keras_2("thrice", "function"), custom_objects=own
    )
    assert isinstance(layer, layers.Lambda)
    np.testing.assert_array_equal(layer(np.ones(1, "float32")), [3.0])


def test_a_mask_function_of_a_lambda_comes_back(tmp_path):
    tokens = keras.Input((3,), dtype="int32")
    embedded = keras.layers.Embedding(5, 2, mask_zero=True)(tokens)
    plus = keras.layers.Lambda(lambda t: t + 1.0, mask=lambda given, mask: mask)
    model = keras.Model(tokens, keras.layers.GRU(2)(plus(embedded)))
    with pytest.warns(UserWarning, match="Python lambda"):
        model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras", safe_mode=False)
    x = np.array([[1, 2, 0], [3, 0, 0], [1, 1, 4]], "int32")
    np.testing.assert_array_equal(loaded(x).numpy(), model(x).numpy())
    again = np.where(x > 0, x, 0)
    assert not np.array_equal(loaded(x).numpy(), model(again + (x == 0)).numpy())
