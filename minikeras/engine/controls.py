"""Steps of nodes that hold graphs: loops and branches, each body a routine of its own.

A routine lowers its nodes by these, and they make routines: so they are given what makes
one, and imports go one way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from minikeras.engine import backend as registry
from minikeras.engine.graph import Node, Value
from minikeras.engine.step import FunctionStep, Step

if TYPE_CHECKING:
    from minikeras.engine.routine import Routine

Make = Callable[..., "Routine"]


def _buffers(
    routine: Routine, places: Sequence[int], backend: registry.Backend
) -> None:
    """Give the inputs at `places` buffers of their own: what a loop carries."""
    for i in places:
        aval = routine.graph.inputs[i].aval
        memory = backend.alloc(max(aval.nbytes, 1))
        routine.registers[routine.inputs[i]] = backend.view(
            memory, 0, aval.shape, aval.dtype
        )


def _scan(
    node: Node, regs: Mapping[Value, int], backend: registry.Backend, make: Make
) -> Step:
    """Run the body once for each slice, carried values in buffers of the loop."""
    static = node.static
    n_consts, n_carry = static["n_consts"], static["n_carry"]
    carried = range(n_consts, n_consts + n_carry)
    body = make(static["body"], list(zip(range(n_carry), carried)), backend)
    _buffers(body, carried, backend)
    inner = body.registers
    given = [(regs[v], r) for v, r in zip(node.inputs, body.inputs, strict=True)]
    fixed, first, slices = (
        given[:n_consts],
        given[n_consts : n_consts + n_carry],
        given[n_consts + n_carry :],
    )
    made = [(regs[v], r) for v, r in zip(node.outputs, body.outputs, strict=True)]
    last = [(a, r) for (a, _), (_, r) in zip(made, first, strict=False)]
    rows = made[n_carry:]
    order = range(static["length"])
    if static["reverse"]:
        order = order[::-1]
    # Carried values that change places would need a copy between them, in Python's loop.
    if not body.swaps:
        sizes = {regs[v]: v.aval.nbytes for v in (*node.inputs, *node.outputs)}
        pairs = fixed, first, slices, rows, last
        carries = [(a, b) for a, b, _ in body.copies]
        way = static["length"], static["reverse"]
        native = backend.loop(
            registry.Loop(
                *way, inner, body.prepared, *pairs, body.views, carries, sizes
            )
        )
        if native is not None:
            return native
    put, run, store = backend.assign_into, body.run, body.store

    def step(registers: list[Any]) -> None:
        # What is read whole is shown as it lies; what is carried is copied into buffers of
        # the loop, since the body overwrites them and the caller's array must stay.
        for outer, own in fixed:
            inner[own] = registers[outer]
        for outer, own in first:
            put(inner[own], registers[outer])
        columns = [(registers[outer], own) for outer, own in slices]
        results = [(registers[outer], own) for outer, own in rows]
        for t in order:
            for array, own in columns:
                inner[own] = array[t, ...]
            run()
            for array, own in results:
                put(array[t, ...], inner[own])
            store()
        for outer, own in last:
            put(registers[outer], inner[own])

    looks = any(s.waits for s in body.prepared)
    return FunctionStep(step, body.allocating_steps > 0, looks)


def _while(
    node: Node, regs: Mapping[Value, int], backend: registry.Backend, make: Make
) -> Step:
    """Run the body as long as the condition's graph gives true."""
    static = node.static
    n_cond, n_body = static["n_cond"], static["n_body"]
    n_carry = len(node.inputs) - n_cond - n_body
    carried = range(n_body, n_body + n_carry)
    body = make(static["body"], list(zip(range(n_carry), carried)), backend)
    test = make(static["cond"], [], backend)
    _buffers(body, carried, backend)
    outer = [regs[v] for v in node.inputs]
    made = [regs[v] for v in node.outputs]
    buffers = body.inputs[n_body:]
    put = backend.assign_into

    def step(registers: list[Any]) -> None:
        for source, own in zip(outer[:n_cond], test.inputs, strict=False):
            test.registers[own] = registers[source]
        for source, own in zip(outer[n_cond:], body.inputs, strict=False):
            if own not in buffers:
                body.registers[own] = registers[source]
        for source, own in zip(outer[n_cond + n_body :], buffers, strict=True):
            put(body.registers[own], registers[source])
        for own, seen in zip(buffers, test.inputs[n_cond:], strict=True):
            test.registers[seen] = body.registers[own]
        while True:
            test.run()
            if not backend.to_host(test.registers[test.outputs[0]]).item():
                break
            body.run()
            body.store()
        for target, own in zip(made, buffers, strict=True):
            put(registers[target], body.registers[own])

    return FunctionStep(step, allocates=True)  # the condition comes to the host


def _cond(
    node: Node, regs: Mapping[Value, int], backend: registry.Backend, make: Make
) -> Step:
    """Run the branch that the bool says."""
    static = node.static
    taken, *inputs = (regs[v] for v in node.inputs)
    cut = static["n_yes"]
    results = [regs[v] for v in node.outputs]
    sides = []
    for body, given in ((static["no"], inputs[cut:]), (static["yes"], inputs[:cut])):
        routine = make(body, [], backend)
        fed = list(zip(given, routine.inputs, strict=True))
        sides.append((routine, fed, list(zip(results, routine.outputs, strict=True))))
    put, to_host = backend.assign_into, backend.to_host

    def step(registers: list[Any]) -> None:
        routine, fed, made = sides[bool(to_host(registers[taken]))]
        inner = routine.registers
        for outer, own in fed:
            inner[own] = registers[outer]
        routine.run()
        for outer, own in made:
            put(registers[outer], inner[own])

    takes = any(s[0].allocating_steps for s in sides)
    return FunctionStep(
        step, takes, waits=True
    )  # for the bool, which comes to the host


# By the name of the row.
CONTROLS: dict[
    str,
    Callable[[Node, Mapping[Value, int], registry.Backend, Make], Step],
] = {"scan": _scan, "while_loop": _while, "cond": _cond}
