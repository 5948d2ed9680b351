"""Ops that are followed by a recipe: the bits of the op itself, and no more Python."""

import sys
import threading
import warnings

import numpy as np
import pytest

import minikeras as keras
from minikeras import ops
from minikeras.engine import autodiff, forgetting, tree
from minikeras.engine import backend as registry
from minikeras.engine.autodiff import GradientTape
from minikeras.engine.dtypes import is_inexact
from minikeras.engine.tensor import Tensor
from minikeras.ops import keys
from tests.ops.goldens import CASES

CALLS = 3  # with and without a tape: the second one makes the recipe, and is its first result


def drawn(case, number):
    """Arrays as the case has them, the rows of each turned round: other values."""
    arrays = case.drawn()
    if case.name in ("searchsorted", "bincount", "segment_sum", "segment_max"):
        return [ops.convert_to_tensor(a) for a in arrays]  # they are sorted
    return [
        ops.convert_to_tensor(np.roll(a.reshape(-1), number).reshape(a.shape))
        for a in arrays
    ]


def bits(result):
    return [
        (v.dtype, v.shape, v.numpy().tobytes()) if isinstance(v, Tensor) else v
        for v in tree.flatten(result)
    ]


def values_and_gradients(function, case, number):
    arrays = drawn(case, number)
    sources = [a for a in arrays if is_inexact(a.dtype)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with GradientTape() as tape:
            tape.watch(sources)
            result = case.call(function, list(arrays))
        found = bits(result)
        if not case.grad or not sources:
            return found
        floats = [
            v
            for v in tree.flatten(result)
            if isinstance(v, Tensor) and is_inexact(v.dtype)
        ]
        return found, bits(tape.gradient(floats, sources)) if floats else found


def test_every_op_has_the_bits_it_has_without(followed, backend):
    wrong = []
    for case in [c for c in CASES if c.drawn()]:
        function = getattr(ops, case.name)
        for number in range(CALLS):
            plain = bits(case.call(function.__wrapped__, drawn(case, number)))
            if bits(case.call(function, drawn(case, number))) != plain:
                wrong.append(case.label)
            plain = values_and_gradients(function.__wrapped__, case, number)
            if values_and_gradients(function, case, number) != plain:
                wrong.append(f"gradient of {case.label}")
    assert not wrong
    assert len(followed) > len(CASES)


def calls_of_python(function):
    """How many Python functions a call calls."""
    count = [0]

    def note(frame, event, argument):
        count[0] += event == "call"

    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count[0]


@pytest.mark.parametrize(
    ("call", "most"),
    [
        (lambda a, b: ops.add(a, b), 12),
        (lambda a, b: ops.matmul(a, b), 13),
        (lambda a, b: a * 2.0, 14),
        (lambda a, b: ops.softmax(a), 24),
        (lambda a, b: ops.mean(a, axis=-1), 26),
        (lambda a, b: a[1:3], 20),
    ],
    ids=["add", "matmul", "number", "softmax", "mean", "slice"],
)
def test_few_calls_of_python(call, most):
    a = ops.convert_to_tensor(np.ones((5, 5), "float32"))
    b = ops.convert_to_tensor(np.ones((5, 5), "float32"))
    counts = [calls_of_python(lambda: call(a, b)) for _ in range(4)]
    assert counts[3] <= most < counts[0]


def test_the_same_tensor_twice_is_no_promise():
    a, b = (ops.convert_to_tensor(np.float32([v, v])) for v in (2, 3))
    for _ in range(3):
        assert ops.multiply(a, a).tolist() == [4, 4]
    assert ops.multiply(a, b).tolist() == [6, 6]


def test_numbers_that_are_equal_and_differ():
    x = ops.convert_to_tensor(np.float32([1.0, -1.0]))
    for _ in range(4):
        assert np.signbit(ops.multiply(x, 0.0).numpy()).tolist() == [False, True]
        assert np.signbit(ops.multiply(x, -0.0).numpy()).tolist() == [True, False]
    i = ops.convert_to_tensor(np.int32([1, 2]))
    for _ in range(4):
        kinds = [ops.add(i, v).dtype for v in (1, 1.0, True)]
        assert kinds == ["int32", "float32", "int32"]


def test_settings_are_asked_again():
    x = ops.convert_to_tensor(np.float32([0.0, 1e-3]))
    before = keras.config.epsilon()
    for _ in range(4):
        first = ops.normalize(x).numpy()
    keras.config.set_epsilon(0.5)
    try:
        assert ops.normalize(x).numpy()[1] < first[1]
    finally:
        keras.config.set_epsilon(before)
    i = ops.convert_to_tensor(np.int32([1, 2]))
    for _ in range(4):
        assert ops.exp(i).dtype == "float32"
    keras.config.set_floatx("float64")
    try:
        assert ops.exp(i).dtype == "float64"
    finally:
        keras.config.set_floatx("float32")


def test_warnings_and_errors_come_each_time():
    x = ops.convert_to_tensor(np.ones((3, 1), "float32"))
    for _ in range(4):
        with pytest.warns(UserWarning, match="softmax"):
            ops.softmax(x)
        with pytest.raises(ValueError, match="broadcast"):
            ops.add(x, ops.ones((2, 2)))


def test_what_hangs_on_values_is_computed():
    for values in ([1, 2, 2], [3, 3, 3], [1, 2, 3], [0, 0, 1]):
        found = ops.unique(ops.convert_to_tensor(np.int32(values)))
        np.testing.assert_array_equal(found.numpy(), np.unique(values))
    for values in ([1, 0, 2], [0, 0, 0], [1, 1, 1], [0, 2, 0]):
        (found,) = ops.nonzero(ops.convert_to_tensor(np.int32(values)))
        np.testing.assert_array_equal(found.numpy(), np.nonzero(values)[0])


def test_probabilities_remember_their_logits():
    x = ops.convert_to_tensor(np.float32([[-400.0, 0.0]]))
    for _ in range(5):
        assert ops.log(ops.softmax(x)).numpy()[0, 0] == -400
        assert ops.log(ops.sigmoid(x)).numpy()[0, 0] == -400


def test_a_result_may_be_the_argument():
    x = ops.convert_to_tensor(np.ones((2, 3), "float32"))
    for _ in range(4):
        assert ops.reshape(x, (2, 3)) is x
        assert ops.cast(x, "float32") is x


def test_results_that_hang_on_no_argument_are_new_ones():
    x = ops.convert_to_tensor(np.ones((2, 3), "float32"))
    made = [ops.zeros_like(x) for _ in range(5)]
    assert len({id(t) for t in made}) == 5


def test_tapes_in_tapes():
    def third(x):
        with GradientTape() as outer:
            outer.watch(x)
            with GradientTape() as inner:
                inner.watch(x)
                y = ops.power(x, 3)
            slope = inner.gradient(y, x)
        return outer.gradient(slope, x)

    for value in (1.0, 2.0, 3.0, 4.0):
        found = third(ops.convert_to_tensor(np.float32(value)))
        assert float(found) == pytest.approx(6 * value)


def test_another_backend_has_recipes_of_its_own(backend):
    x = ops.convert_to_tensor(np.float32([0.1, 0.2, 0.3]))
    for _ in range(3):
        first = ops.exp(x).numpy()
    before = keras.config.backend()
    keras.config.set_backend("numpy")
    try:
        expected = np.exp(np.float32([0.1, 0.2, 0.3]))
        for _ in range(3):
            np.testing.assert_array_equal(ops.exp(x).numpy(), expected)
    finally:
        keras.config.set_backend(before)
    np.testing.assert_array_equal(ops.exp(x).numpy(), first)


def test_few_are_kept():
    known = next(
        cell.cell_contents
        for cell in ops.add.__closure__
        if isinstance(cell.cell_contents, dict)
    )
    x = ops.convert_to_tensor(np.ones(3, "float32"))
    for i in range(1000):
        ops.add(x, float(i))
    assert len(known) <= 128


def test_threads_make_recipes_at_once():
    x = ops.convert_to_tensor(np.float32([[1.0, 2.0], [3.0, 4.5]]))
    wanted = ops.logsumexp.__wrapped__(x, axis=1).numpy()
    wrong = []

    def work():
        for _ in range(50):
            if not np.array_equal(ops.logsumexp(x, axis=1).numpy(), wanted):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_the_second_call_is_made_once(backend):
    """What notes the calls is the call: an op on large arrays costs no more."""
    count = []

    def counted(fn):
        def kernel(*arrays, **static):
            count.append(1)
            return fn(*arrays, **static)

        return kernel

    active = registry.active()
    kernels = dict(active.kernels)
    x = ops.convert_to_tensor(np.ones((5, 7), "float32"))
    for tape in (False, True):
        forgetting.forget()
        seen = []
        for _ in range(4):
            count.clear()
            active.kernels = {name: counted(fn) for name, fn in kernels.items()}
            try:
                with GradientTape() as t:
                    if tape:
                        t.watch(x)
                    y = ops.logsumexp(x, axis=1)
            finally:
                active.kernels = kernels
            seen.append(len(count))
            expected = np.log(7 * np.exp(1.0))
            np.testing.assert_allclose(y.numpy(), [expected] * 5, rtol=1e-5)
            if tape:
                np.testing.assert_allclose(
                    t.gradient(y, x).numpy(), np.full((5, 7), 1 / 7), rtol=1e-5
                )
        assert seen[1] == seen[0] > 1, seen


def test_the_second_gradient_is_made_once(backend, monkeypatch):
    forgetting.forget()
    calls = []
    plain = autodiff.backward
    monkeypatch.setattr(autodiff, "backward", lambda *a: calls.append(1) or plain(*a))
    x = ops.convert_to_tensor(np.arange(6, dtype="float32"))
    v = x.numpy()
    seen = []
    for _ in range(6):
        calls.clear()
        with GradientTape() as t:
            t.watch(x)
            y = ops.sum(ops.sin(x) * x)
        got = t.gradient(y, x).numpy()
        np.testing.assert_allclose(got, np.cos(v) * v + np.sin(v), rtol=1e-5, atol=1e-6)
        seen.append(len(calls))
    assert max(seen) == 1, seen
    assert seen[-1] == 0, seen


def test_what_is_made_of_nothing_is_kept():
    """The same array, in a tensor of its own: a tape knows tensors by identity."""
    forgetting.forget()
    made = [ops.eye(4, 5, k=1) for _ in range(4)]
    assert len({id(t) for t in made}) == 4
    assert made[2].value is made[3].value
    for t in made:
        assert t.numpy().tolist() == np.eye(4, 5, 1).tolist()
    with GradientTape(persistent=True) as tape:
        tape.watch(made[2])
        y = ops.sum(made[2] * 2.0 + made[3])
    assert tape.gradient(y, made[2]).numpy().tolist() == np.full((4, 5), 2.0).tolist()
    assert tape.gradient(y, made[1]) is None


@pytest.mark.parametrize(
    "name",
    ["zeros", "ones", "empty", "arange", "eye", "identity", "tri", "bartlett"]
    + ["blackman", "hamming", "hanning"],
)
def test_creation_is_kept(name):
    forgetting.forget()
    function = getattr(ops, name)
    made = [function(7) for _ in range(4)]
    assert made[2].value is made[3].value
    np.testing.assert_array_equal(made[3].numpy(), function.__wrapped__(7).numpy())


def test_nobody_writes_to_what_is_kept():
    forgetting.forget()
    made = [ops.zeros((3,)) for _ in range(4)]
    array = made[3].numpy()
    array += 1
    np.from_dlpack(made[3])
    variable = keras.Variable(made[3])
    variable.assign_add([1.0, 1.0, 1.0])
    keras.function(lambda: variable.assign_add(ops.ones((3,))))()
    assert variable.numpy().tolist() == [2.0, 2.0, 2.0]
    assert ops.zeros((3,)).numpy().tolist() == [0.0] * 3
    assert all(t.numpy().tolist() == [0.0] * 3 for t in made)


def test_kept_constants_are_bounded():
    forgetting.forget()
    for n in range(60):
        for _ in range(3):
            ops.arange(100_000 + n)
    assert sum(size for *_, size in keys._constants) <= keys._ALL_BYTES
    for _ in range(3):
        big = ops.zeros((600, 600))
    assert ops.zeros((600, 600)).value is not big.value


def test_random_and_settings_are_never_constants():
    draws = {tuple(keras.random.uniform((3,)).numpy().tolist()) for _ in range(5)}
    assert len(draws) == 5
    for _ in range(3):
        assert ops.ones((2,)).dtype == "float32"
    keras.config.set_floatx("float64")
    try:
        assert ops.ones((2,)).dtype == "float64"
    finally:
        keras.config.set_floatx("float32")
