"""The rows of the page's engine compute what the reference kernels do, case by case."""

import numpy as np

from minikeras.engine import backend as registry
from minikeras.engine.aval import Aval
from minikeras.engine.dtypes import is_complex, is_float
from minikeras.engine.graph import Node, Value
from minikeras.engine.primitive import PRIMITIVES
from minikeras.engine.tensor import from_numpy
from minikeras.testing.cases import CASES, TOLERANCE
from minikeras.visualization.explorer.known import KNOWN
from minikeras.visualization.explorer.program import step
from tests.visualization.explorer import node

_BIG = 2**53  # whole numbers beyond are rounded in the page


def test_all_names_are_rows():
    assert set(PRIMITIVES) >= KNOWN
    # Other tests add rows of their own.
    ours = {
        n
        for n, row in PRIMITIVES.items()
        if row.infer.__module__.startswith("minikeras.")
    }
    unknown = ours - KNOWN
    assert unknown == {
        "all_reduce", "banded", "chain", "complex", "cholesky", "eig", "eigh", "epilogue", "fft",
        "fused", "gcd", "imag", "lines", "lu", "nextafter", "qr", "real", "resample",
        "searchsorted", "segment_combine", "solve", "svd", "top_k", "triangular_solve",
    }  # fmt: skip


def payload(case, arrays):
    """A page of one step."""
    inferred = case.row.infer(
        *[Aval(a.shape, a.dtype.name) for a in arrays], **case.static
    )
    outs = [inferred] if isinstance(inferred, Aval) else list(inferred)
    inputs = [Value(Aval(a.shape, a.dtype.name)) for a in arrays]
    made = Node(case.row, inputs, [Value(aval) for aval in outs], case.static)
    values, numbers = [], {}

    def add(value):
        numbers[value] = len(values)
        values.append({"shape": list(value.aval.shape), "dtype": value.aval.dtype})
        return numbers[value]

    for value in inputs:
        add(value)
    steps = [step(made, numbers, add)]
    outputs = [
        {"shape": list(v.aval.shape), "value": numbers[v], "view": {"kind": "tensor"}}
        for v in made.outputs
    ]
    return {
        "inputs": [{"shape": v["shape"], "dtype": v["dtype"]} for v in values[: len(inputs)]],
        "outputs": [], "weights": [], "precomputed": [], "top": [], "data": None,
        "layers": [{"outputs": outputs, "parts": []}],
        "program": {
            "values": values, "inputs": list(range(len(inputs))), "weights": [],
            "constants": [], "steps": steps, "outputs": [], "texts": [], "gradient": None,
        },
    }, outs  # fmt: skip


def chosen():
    """Cases with arrays that doubles hold."""
    for case in CASES:
        moved = any(
            k.startswith("perm_") for k in case.static
        )  # of a pass not run here
        if case.name not in KNOWN or moved:
            continue
        for dtype in case.dtypes:
            arrays = case.draw(dtype)
            kinds = [a.dtype.name for a in arrays]
            whole = [a for a in arrays if a.dtype.kind in "iu" and a.size]
            if any(is_complex(k) for k in kinds) or is_complex(dtype):
                continue
            if all(int(np.abs(a.astype("float64")).max()) < _BIG for a in whole):
                yield case, dtype, arrays


def reference(kernels, case, arrays):
    """By the kernel, or where a row is its composition, by that."""
    if case.name in kernels:
        made = kernels[case.name](*arrays, **case.static)
    else:
        made = case.row(*map(from_numpy, arrays), **case.static)
    parts = list(made) if case.row.multi else [made]
    return [p.numpy() if hasattr(p, "aval") else np.asarray(p) for p in parts]


@node.needs_node
def test_every_case():
    cases, lines, wanted = [], [], []
    kernels = registry.load("numpy").kernels
    for case, dtype, arrays in chosen():
        made, outs = payload(case, arrays)
        if any(is_complex(aval.dtype) for aval in outs):
            continue
        with np.errstate(all="ignore"):
            wanted.append(reference(kernels, case, arrays))
        cases.append((case, dtype))
        lines += [["load", made], ["run", node.sample(*arrays)]]
    seen = {case.name for case, _ in cases}
    assert KNOWN - seen <= {"cond", "scan", "while_loop"}
    answers = node.send(lines)
    wrong = []
    for (case, dtype), answer, results in zip(
        cases, answers[1::2], wanted, strict=True
    ):
        if isinstance(answer, str):
            wrong.append(f"{case} in {dtype}: {answer}")
            continue
        for got, want in zip(answer["layers"][0], results, strict=True):
            problem = differs(node.array(got), np.asarray(want), case)
            if problem:
                wrong.append(f"{case} in {dtype}: {problem}")
    assert not wrong, f"{len(wrong)} of {len(cases)}:\n" + "\n".join(wrong)


def differs(got, want, case):
    """What is wrong, or nothing."""
    if got.shape != want.shape:
        return f"shape {got.shape}, expected {want.shape}"
    if not is_float(want.dtype.name):
        return (
            None if (got == want.astype("float64")).all() else f"{got}, expected {want}"
        )
    want64 = want.astype("float64")
    finite = np.isfinite(want64)
    if not np.array_equal(got[~finite], want64[~finite], equal_nan=True):
        return f"{got}, expected {want}"
    scale = max(1.0, float(np.abs(want64[finite]).max(initial=0)))
    error = float(np.abs(got[finite] - want64[finite]).max(initial=0))
    allowed = max(case.tolerance * TOLERANCE[want.dtype.name], 1e-11) * scale
    return None if error <= allowed else f"off by {error}, allowed {allowed}"
