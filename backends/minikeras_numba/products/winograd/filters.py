"""The kernels of Winograd convolution for filters: to their 36 positions, and gradients back.

They are called as those of images (`kernels.py`).
"""

from __future__ import annotations

from minikeras_kernels.code import Code
from minikeras_kernels.values import Val

from minikeras_numba.ir.compile import compile_contract
from minikeras_numba.ir.contract import Contract
from minikeras_numba.ir.job import WORDS
from minikeras_numba.products.winograd.fields import FiltersIn, FiltersOut
from minikeras_numba.products.winograd.kernels import square
from minikeras_numba.products.winograd.transforms import (
    POSITIONS,
    SIZE,
    Lines,
    denominators,
)


def filters_in(taps: int) -> int:
    """Transform vectors of filters of taps x taps: G g G^T."""

    def build() -> Code:
        c = Contract("winograd", "float32", 5)
        lines, step = Lines(c), c.const(c.lanes * c.itemsize)
        a, d = c.variable(c.parameters[0]), c.variable(c.parameters[2])
        tap, position, by = (
            c.field(FiltersIn, "tap"),
            c.field(FiltersIn, "position"),
            denominators(),
        )
        with c.repeat(c.field(FiltersIn, "vectors"), [(a, step), (d, step)]):
            halves = []
            for j in range(taps):
                places = [c.mul(tap, i * taps + j) for i in range(taps)]
                column = [c.vload(c.add(c.get(a), p)) for p in places]
                halves.append(lines.evaluated(column))
            for i in range(SIZE):
                for j, value in enumerate(lines.evaluated([h[i] for h in halves])):
                    # by both denominators at once: one after the other would round twice
                    place = c.add(c.get(d), c.mul(position, i * SIZE + j))
                    c.vstore(lines.scaled(1 / (by[i] * by[j]), value), place)
        return c.code

    return compile_contract("winograd", build, f"winograd filters in {taps} {WORDS}")


def filters_out(taps: int, masked: bool) -> int:
    """Sum the positions of vectors into gradients of taps x taps filters.

    A vector has `tail` lanes if `masked`.
    """

    def build() -> Code:
        c = Contract("winograd", "float32", 5)
        a, d = c.variable(c.parameters[0]), c.variable(c.parameters[2])
        tap, parts, part = (
            c.field(FiltersOut, name) for name in ("tap", "parts", "part")
        )
        mask = c.head(c.field(FiltersOut, "tail")) if masked else None
        with c.repeat(
            c.field(FiltersOut, "vectors"),
            [(a, c.field(FiltersOut, "step")), (d, c.field(FiltersOut, "to_step"))],
        ):
            # Summed before they are transformed: that is linear, and so done once.
            totals = _totals(c, c.get(a), c.field(FiltersOut, "position"), parts, part)
            for i, line in enumerate(square(Lines(c), totals, taps)):
                for j, value in enumerate(line):
                    place = c.add(c.get(d), c.mul(tap, i * taps + j))
                    c.vstore(value, place, mask)
        return c.code

    return compile_contract(
        "winograd", build, f"winograd filters out {taps} {masked} {WORDS}"
    )


def _totals(
    c: Contract, source: Val, position: Val, parts: Val, part: Val
) -> list[Val]:
    """The 36 vectors `position` apart, summed over parts, over their denominators."""
    zero, at = c.number(0.0), c.variable(source)
    totals = [c.variable(zero) for _ in range(POSITIONS)]
    # In the order of the parts, whichever thread was first: bits do not depend on time.
    with c.repeat(parts, [(at, part)]):
        for i, total in enumerate(totals):
            value = c.vload(c.add(c.get(at), c.mul(position, i)))
            c.put(total, c.fadd(c.get(total), value))
    by = denominators()
    return [
        Lines(c).scaled(1 / (by[i // SIZE] * by[i % SIZE]), c.get(total))
        for i, total in enumerate(totals)
    ]
