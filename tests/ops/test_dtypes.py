"""The dtypes of the results of every op, for every dtype and pair of dtypes.

The golden holds what keras on JAX gives for dtypes of up to 32 bits. For 64 bits JAX is
no oracle. Without `JAX_ENABLE_X64` it has no such arrays. With it keras computes some
results in 64 bits, and yet `keras.backend.result_type` and symbolic calls go on saying
32 (`sin` of float64 is float32, `add` of two is float64), so its parts contradict each
other. What keras documents is the lattice of promotion, which does have 64 bits. So an
op must follow there the rule that it follows below: the rules of `RULES` that agree with
the golden are looked for, and one of them must give all that we give, 64 bits and all.
"""

import functools

import pytest

from minikeras import ops
from minikeras.engine import dtypes, tree
from minikeras.engine.tensor import Tensor
from tests.goldens.make import load
from tests.goldens.oracle import keras, oracle
from tests.ops.cases_dtypes import ALL, ROWS, SMALL
from tests.ops.goldens_dtypes import REFUSED, named, unpacked

every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.label)

# Where keras on JAX raises and we give a result: integers and bools counted as floats,
# bools as 0 and 1, halves in Fourier transforms, tensors of two dtypes in a convolution.
LENIENT = {
    "adaptive_average_pool", "argpartition", "average_pool", "batch_normalization",
    "cdist", "conv_transpose", "cross", "depthwise_conv", "erf", "fft", "fft2",
    "gaussian_blur", "gcd", "glu", "ifft2", "irfft", "istft", "kron", "lcm",
    "log_sigmoid", "log_softmax", "map_coordinates", "normalize", "one_hot", "psnr",
    "rfft", "round", "rsqrt", "scatter", "segment_sum", "separable_conv", "sigmoid",
    "silu", "slice_update", "softmax", "stft", "swish", "vander",
}  # fmt: skip
# A matrix of ones is not positive definite: ours raises, keras gives nan.
NO_FACTOR = ("cholesky", ("bool",))


def promoted(*names):
    weak = {"True": "bool", "1": int, "1.0": float}
    return dtypes.result_type(*(weak.get(n, n) for n in names))


def numbers(*names):
    """Bools count as integers."""
    found = promoted(*names)
    return "int32" if found == "bool" else found


def summed(*names):
    """Small integers are summed in 32 bits."""
    small = {"bool": "int32", "int8": "int32", "int16": "int32"}
    small |= {"uint8": "uint32", "uint16": "uint32"}
    return small.get(promoted(*names), promoted(*names))


def strong(*names):
    """A Python float is a float32."""
    return promoted(*("float32" if n == "1.0" else n for n in names), float)


RULES = {
    "promoted": promoted,
    "numbers": numbers,
    "summed": summed,
    "first": lambda *n: promoted(n[0]),
    "last": lambda *n: promoted(n[-1]),
    "float": lambda *n: promoted(*n, "1.0"),
    "strong": strong,
    "first as float": lambda *n: promoted(n[0], "1.0"),
    "last as float": lambda *n: promoted(*n[:-1], promoted(n[-1], "1.0")),
    "with a float32": lambda *n: promoted(*n, "float32"),
    "first with a float32": lambda *n: promoted(n[0], "float32"),
    **{fixed: lambda *n, fixed=fixed: fixed for fixed in ("bool", *ALL)},
}
# Their pairs of int8 are multiplied in int32.
IRREGULAR = {"matmul(2)[0,1]", "einsum(2)[0,1]", "einsum(1)[0]"}


@functools.cache
def golden():
    return unpacked(load("ops_dtypes"))


def narrow(name):
    return name.replace("64", "32")


def ours(row, combination):
    function = getattr(ops, row.case.name, None) or getattr(ops.image, row.case.name)
    try:
        result = function(*row.arguments(combination), **row.case.kwargs)
    except (ValueError, TypeError):
        return REFUSED
    return ",".join(v.dtype for v in tree.flatten(result) if isinstance(v, Tensor))


@every_row
def test_dtypes_are_those_of_keras(row):
    combinations = list(row.combinations(SMALL))
    for combination, wanted in zip(combinations, golden()[row.label], strict=True):
        found = narrow(ours(row, combination))
        if wanted == REFUSED:
            assert found == REFUSED or row.case.name in LENIENT, combination
        elif (row.case.name, combination) != NO_FACTOR:
            assert found == wanted, combination


@every_row
def test_64_bits_follow_the_rule_of_fewer_bits(row):
    below = dict(zip(row.combinations(SMALL), golden()[row.label], strict=True))
    accepted = {c: names.split(",") for c, names in below.items() if names != REFUSED}
    if row.label in IRREGULAR or not accepted:
        pytest.skip("there is no rule to follow")
    wide = {
        c: ours(row, c).split(",")
        for c in row.combinations(ALL)
        if tuple(map(narrow, c)) in accepted and (row.case.name, c) != NO_FACTOR
    }
    for i in range(len(next(iter(accepted.values())))):
        rules = [
            rule
            for rule in RULES.values()
            if all(narrow(rule(*c)) == names[i] for c, names in accepted.items())
        ]
        assert rules, "keras follows none of the rules"
        assert any(
            all(_follows(rule(*c), names, i, c) for c, names in wide.items())
            for rule in rules
        ), {c: n for c, n in wide.items() if not _follows(rules[0](*c), n, i, c)}


def _follows(wanted, names, i, combination):
    if names != [REFUSED]:
        return names[i] == wanted
    # uint64 and signed integers meet in a float, which functions of bits refuse.
    return wanted == "float32" and "uint64" in combination


@oracle
@pytest.mark.parametrize("row", ROWS[::12], ids=lambda row: row.label)
def test_the_golden_is_what_keras_gives_now(row):
    assert named(keras(), row) == golden()[row.label]


def test_the_golden_has_every_row():
    assert list(golden()) == [row.label for row in ROWS]
