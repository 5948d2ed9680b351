"""Groups along lines as one kernel: by LLVM and as CUDA in lockstep, against NumPy."""

import numpy as np
import pytest
from minikeras_cupy.render import WARP
from minikeras_kernels.group import Place
from minikeras_kernels.lines import lines, stages, words

from minikeras.extend import numpy_dtype
from tests.backends.kernels import lockstep
from tests.backends.kernels.test_elements import WAYS, At, Kernel
from tests.engine.staged import run_nodes
from tests.engine.test_lines import CASES, passed

RNG = np.random.default_rng(3)


class Memory:
    """What groups keep of their own begins as garbage."""

    def empty(self, shape, dtype):
        return np.full(tuple(shape), 77, numpy_dtype(dtype))

    def constant(self, array):
        return np.ascontiguousarray(array)


def line_kernels(target):
    """For each case its body, what goes in, and its kernel."""
    for name, (function, shape) in CASES.items():
        _, graph = passed(function, shape, shape[-1:])
        constants = graph.constants
        for node in graph.nodes:
            if node.prim.name != "lines":
                continue
            body, avals = node.static["body"], [v.aval for v in node.inputs]
            given = [
                np.array(constants[v])
                if v in constants
                else np.asarray(RNG.normal(size=v.aval.shape) + 2).astype(v.aval.dtype)
                for v in node.inputs
            ]
            made = [
                np.full(v.aval.shape, 77).astype(v.aval.dtype) for v in node.outputs
            ]
            places = {v: Place(i) for i, v in enumerate(body.inputs)}
            first = len(avals)
            places.update({v: Place(first + i) for i, v in enumerate(body.outputs)})
            cuts = stages(body, places, target, Memory())
            numbers = [At(w.slot) if isinstance(w, Place) else w for w in words(cuts)]
            code, count = lines(cuts, target), cuts[0].layout.units
            yield name, body, Kernel(code, numbers, count, [*given, *made])


@pytest.mark.parametrize("way", WAYS)
def test_lines_equal_the_reference(way):
    run, target = WAYS[way]
    if way == "lockstep" and lockstep.compiler() is None:
        pytest.skip("needs a C++ compiler")
    made = list(line_kernels(target()))
    assert len(made) >= len(CASES)
    if way == "lockstep":
        lockstep.build(kernel.source() for *_, kernel in made)
    for name, body, kernel in made:
        run([kernel], kernel.arrays)
        count = len(body.inputs)
        given, found = kernel.arrays[:count], kernel.arrays[count:]
        wanted = run_nodes(flat(body), *given)
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, other, 2e-5, 2e-5, err_msg=name)


def flat(body):
    """The body with the groups' nodes in place of the groups."""
    from minikeras.extend import Graph

    nodes, same = [], {}
    constants = dict(body.constants)
    for node in body.nodes:
        if node.prim.name != "fused":
            nodes.append(node.replaced(same))
            continue
        inner = node.static["body"]
        constants.update(inner.constants)
        outer = [same.get(v, v) for v in node.inputs]
        names = dict(zip(inner.inputs, outer, strict=True))
        nodes += [n.replaced(names) for n in inner.nodes]
        same.update(zip(node.outputs, inner.outputs, strict=True))
    return Graph(body.inputs, constants, nodes, [same.get(v, v) for v in body.outputs])


def test_lanes_wait_for_each_other_between_groups():
    for _, body, kernel in line_kernels(WARP):
        groups = sum(not node.prim.facets.alias for node in body.nodes)
        assert kernel.source().text.count("together();") >= groups - 1
