"""Variables: first values by the name of an initializer; the names of NumPy's dtypes."""

import subprocess
import sys

import numpy as np
import pytest

import minikeras as keras


@pytest.mark.parametrize(
    "initializer",
    ["ones", keras.initializers.Ones, keras.initializers.Ones(),
     {"class_name": "Constant", "config": {"value": 1.0}}],
)  # fmt: skip
def test_an_initializer_by_name_class_object_or_config(initializer):
    made = keras.Variable(initializer, shape=(2, 3), dtype="float64")
    assert made.dtype == "float64" and made.numpy().tolist() == np.ones((2, 3)).tolist()


def test_names_that_draw():
    values = keras.Variable("glorot_uniform", shape=(40, 60)).numpy()
    limit = np.sqrt(6 / 100)
    assert 0.9 * limit < np.abs(values).max() <= limit


def test_names_need_a_shape_and_must_be_known():
    with pytest.raises(ValueError, match="an initializer needs a shape"):
        keras.Variable("ones")
    with pytest.raises(ValueError, match="'no_such'"):
        keras.Variable("no_such", shape=(2,))


@pytest.mark.parametrize(
    "first",
    ["import minikeras, numpy", "import numpy, minikeras", "import minikeras.ops"],
)
def test_numpy_knows_bfloat16_after_the_import(first):
    script = f"{first}\nimport numpy\nprint(numpy.dtype('bfloat16').itemsize)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (ran.stdout, ran.stderr) == ("2\n", "")
