"""Recipes of eager calls on the cupy backend: bits of the plain calls, and fewer questions."""

import numpy as np
import pytest

from minikeras import ops
from minikeras.engine.autodiff import GradientTape
from tests.backends.cupy.conftest import needs_compiler

pytestmark = needs_compiler
CALLS = 4  # the first two ask the op


def op_gradient(x, w):
    with GradientTape() as tape:
        tape.watch([x, w])
        y = ops.softmax(ops.matmul(ops.gelu(x), w))
        loss = ops.sum(y * y)
    return tape.gradient(loss, [x, w])


CASES = {
    "gelu": lambda x, w: ops.gelu(x),
    "softmax": lambda x, w: ops.softmax(x, axis=-1),
    "product": lambda x, w: ops.matmul(x, w),
    "variance": lambda x, w: ops.var(x, axis=0),
    "joined": lambda x, w: ops.concatenate([x, x * 2.0], axis=0),
    "looked up": lambda x, w: ops.take(x, [0, 2], axis=0),
    "a gradient": op_gradient,
}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_recipe_has_the_bits_of_the_op(standing_in, followed, dtype):
    rng = np.random.default_rng(0)
    given = [rng.standard_normal(s).astype("float32") for s in ((3, 4), (4, 5))]
    for name, case in CASES.items():
        found = []
        for _ in range(CALLS):
            before = len(followed)
            arrays = [ops.cast(ops.convert_to_tensor(a), dtype) for a in given]
            made = case(*arrays)
            made = made if isinstance(made, list) else [made]
            found.append([(y.dtype, y.numpy().tobytes()) for y in made])
        assert all(later == found[0] for later in found[1:]), name
        assert len(followed) > before, f"{name}: no recipe was followed"
