"""Floats of 8 bits as dtypes: kept, cast, in variables and compiled functions."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import ops
from tests.goldens.oracle import keras as real
from tests.ops import casts

VALUES = np.array([1.0, 2.3, 1000.0, -5.0, np.nan, 0.0], "float32")


@pytest.mark.parametrize("dtype", ["float8_e4m3fn", "float8_e5m2"])
def test_casts_on_every_backend(dtype, backend):
    import ml_dtypes

    wanted = VALUES.astype(getattr(ml_dtypes, dtype)).astype("float32")

    def there_and_back(x):
        return ops.cast(ops.cast(x * 1.0, dtype), "float32")

    x = ops.convert_to_tensor(VALUES)
    for function in (there_and_back, keras.function(there_and_back)):
        np.testing.assert_array_equal(function(x).numpy(), wanted)
    narrow = ops.cast(x, dtype)
    assert narrow.dtype == dtype and narrow.numpy().dtype.itemsize == 1
    assert ops.cast(ops.cast([1.5, -2.0], dtype), "int32").numpy().tolist() == [1, -2]
    assert ops.convert_to_tensor(narrow.numpy()).dtype == dtype
    assert keras.backend.is_float_dtype(dtype)
    assert keras.backend.standardize_dtype(dtype) == dtype


def test_variables_and_what_is_refused():
    v = keras.Variable(np.ones(3), dtype="float8_e4m3fn")
    v.assign([1.0, 2.3, -3.0])
    assert v.numpy().astype("float32").tolist() == [1, 2.25, -3]
    assert ops.reshape(v, (3, 1)).shape == (3, 1)
    with pytest.raises(ValueError, match=r"Cast them first"):
        ops.add(v, 1.0)
    with pytest.raises(ValueError, match="floats of 8 bits"):
        keras.backend.result_type("float8_e4m3fn", "float32")
    with pytest.raises(ValueError, match="set_floatx"):
        keras.config.set_floatx("float8_e4m3fn")


@pytest.mark.oracle
@pytest.mark.parametrize("dtype", ["float8_e4m3fn", "float8_e5m2"])
def test_casts_from_and_to_floats_beside_keras(dtype):
    for source in ("float32", "float16", "bfloat16", "int8", "uint8", "bool"):
        array = casts.values(source)
        wanted = np.asarray(real().ops.cast(array, dtype))
        found = ops.cast(ops.convert_to_tensor(array), dtype).numpy()
        casts.assert_same(found, wanted, f"{source} to {dtype}")
    array = casts.values(dtype)
    for target in ("float32", "float16", "bfloat16", "bool"):
        wanted = np.asarray(real().ops.cast(array, target))
        found = ops.cast(ops.convert_to_tensor(array), target).numpy()
        casts.assert_same(found, wanted, f"{dtype} to {target}")
    assert ops.saturate_cast([1e9, -1e9], dtype).numpy().astype("float32").tolist() == [
        {"float8_e4m3fn": 448, "float8_e5m2": 57344}[dtype] * s for s in (1, -1)
    ]
