"""Bodies of fused groups, built and run beside NumPy, for the tests of this folder."""

import numpy as np
from minikeras_numba.fusion.fused import lower_fused
from minikeras_numba.machine import team
from minikeras_numpy import build_table

import minikeras.engine.prims  # noqa: F401
from minikeras.extend import Aval, Graph, Node, Value, lookup

NUMPY = build_table(np)


class Body:
    """A fused body under construction, evaluated by NumPy beside."""

    def __init__(self):
        self.inputs, self.arrays, self.constants, self.nodes = [], [], {}, []
        self.known = {}

    def input(self, array):
        v = Value(Aval(array.shape, array.dtype.name))
        self.inputs.append(v)
        self.arrays.append(array)
        self.known[v] = array
        return v

    def constant(self, value, dtype="float32"):
        v = Value(Aval((), dtype))
        self.constants[v] = self.known[v] = np.array(value, dtype)
        return v

    def __call__(self, name, *args, **static):
        row = lookup(name)
        out = Value(row.infer(*(a.aval for a in args), **static))
        self.nodes.append(Node(row, args, [out], static))
        with np.errstate(all="ignore"):
            self.known[out] = NUMPY[name](*(self.known[a] for a in args), **static)
        return out

    def run(self, space, outputs, in_place=None):
        """Lower and run; the outputs. `in_place`: output number -> input number."""
        in_place = in_place or {}
        outer = [Value(v.aval) for v in self.inputs]
        results = [Value(v.aval) for v in outputs]
        regs = {v: i for i, v in enumerate(outer)}
        for i, v in enumerate(results):
            regs[v] = in_place.get(i, len(outer) + i)
        body = Graph(self.inputs, self.constants, self.nodes, outputs)
        node = Node(lookup("fused"), outer, results, {"body": body, "space": space})
        registers = team.Registers(len(outer) + len(results))
        for i, array in enumerate(self.arrays):
            registers[i] = array.copy()
        for i, v in enumerate(results):
            if i not in in_place:
                registers[regs[v]] = np.full(v.aval.shape, 77, v.aval.dtype)
        lower_fused(node, regs)(registers)
        return [registers[regs[v]] for v in results]


def check(body, space, outputs, rtol=3e-6, atol=1e-6, **kw):
    wanted = [body.known[v] for v in outputs]
    for got, want in zip(body.run(space, outputs, **kw), wanted, strict=True):
        assert got.dtype == want.dtype
        if got.dtype.kind == "f":
            np.testing.assert_allclose(got, want, rtol=rtol, atol=atol)
        else:
            np.testing.assert_array_equal(got, want)
