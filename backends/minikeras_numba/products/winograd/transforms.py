"""The arithmetic of Winograd convolution: six points, and transforms of vectors through them.

A tile of 6 x 6 inputs and a filter of r x r give m x m outputs, m + r = 7, with 36
products a channel instead of (m r)^2. In one dimension

    y = A^T [(G g) * (B^T d)],

where G evaluates the polynomial of the taps g at six points, A^T sums powers of the
points, and B^T holds the coefficients of Lagrange's polynomials without their
denominators. In two, rows and columns are transformed one after the other.

The points are 0, 2/3, -2/3, 3/2, -3/2 and infinity. Powers of them stay small: float32
loses about one bit against the sum done directly, where the usual 0, 1, -1, 2, -2 lose
three. Points in pairs of opposite sign share their even and odd halves, and 2/3 * 3/2 = 1
leaves B^T with one constant less. The denominators go into whatever is transformed
least often: the filters, or their summed gradient.

Reference: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016); on
what the points do to errors: Barabasz et al., "Error Analysis and Improving the Accuracy
of Winograd Convolution for Deep Neural Networks" (2020).
"""

from __future__ import annotations

from collections.abc import Sequence

from minikeras_kernels.values import Val

from minikeras_numba.ir.contract import Contract

SIZE = 6  # points, and inputs along each side of a tile
POSITIONS = SIZE * SIZE
APART = 4  # inputs from tile to tile, where three taps make them overlap by two
_LOW, _HIGH = 2 / 3, 3 / 2


def denominators() -> list[float]:
    """For each point the product of its distances to the other finite ones."""
    a, b = _LOW**2, _HIGH**2
    low, high = 2 * a * (a - b), 2 * b * (b - a)
    return [1.0, low, low, high, high, 1.0]


class Lines:
    """One-dimensional transforms of lists of vectors."""

    def __init__(self, code: Contract) -> None:
        self.code = code

    def fma(self, factor: float, x: Val, y: Val) -> Val:
        """factor * x + y."""
        c = self.code
        return c.fma(c.number(factor), x, y)

    def scaled(self, factor: float, x: Val) -> Val:
        return self.code.fmul(self.code.number(factor), x)

    def data(self, d: Sequence[Val]) -> list[Val]:
        """B^T d."""
        b, both = self.code, _LOW**2 + _HIGH**2
        result = [self.fma(-both, d[2], b.fadd(d[0], d[4]))]
        for p, q in ((_LOW, _HIGH), (_HIGH, _LOW)):
            even, odd = self.fma(-q * q, d[2], d[4]), self.fma(-q * q, d[1], d[3])
            result += [self.fma(p, odd, even), self.fma(-p, odd, even)]
        return [*result, self.fma(-both, d[3], b.fadd(d[1], d[5]))]

    def evaluated(self, g: Sequence[Val]) -> list[Val]:
        """G g, without the denominators: the polynomial with these coefficients."""
        result = [g[0]]
        for p in (_LOW, _HIGH):
            even, odd = self._horner(g[0::2], p * p), self._horner(g[1::2], p * p)
            result += [self.fma(p, odd, even), self.fma(-p, odd, even)]
        return [*result, g[-1]]

    def _horner(self, coefficients: Sequence[Val], x: float) -> Val:
        total = coefficients[-1]
        for value in reversed(coefficients[:-1]):
            total = self.fma(x, total, value)
        return total

    def summed(self, v: Sequence[Val], count: int) -> list[Val]:
        """A^T v: `count` sums of powers."""
        b = self.code
        halves = [
            (b.fadd(v[1], v[2]), b.fadd(v[3], v[4])),
            (b.fsub(v[1], v[2]), b.fsub(v[3], v[4])),
        ]
        result = []
        for i in range(count):
            low, high = halves[i % 2]
            if i == 0:
                total = b.fadd(b.fadd(low, high), v[0])
            else:
                total = self.fma(_LOW**i, low, self.scaled(_HIGH**i, high))
            result.append(b.fadd(total, v[5]) if i == count - 1 else total)
        return result

    def spread(self, v: Sequence[Val]) -> list[Val]:
        """B v, the transpose of `data`: what six points give back to six inputs."""
        b, both = self.code, _LOW**2 + _HIGH**2
        sums = b.fadd(v[1], v[2]), b.fadd(v[3], v[4])
        differences = b.fsub(v[1], v[2]), b.fsub(v[3], v[4])

        def weighted(low: float, high: float, pair: Sequence[Val], more: Val) -> Val:
            return self.fma(low, pair[0], self.fma(high, pair[1], more))

        # the coefficients of a point p, whose partner is q = 1/p: q^2 and p q^2 = q
        return [
            v[0],
            weighted(-_HIGH, -_LOW, differences, v[5]),
            weighted(-(_HIGH**2), -(_LOW**2), sums, self.scaled(-both, v[0])),
            weighted(_LOW, _HIGH, differences, self.scaled(-both, v[5])),
            b.fadd(v[0], b.fadd(*sums)),
            v[5],
        ]

    def taken_in(self, values: Sequence[Val]) -> list[Val]:
        """To the six points: a whole line of inputs, or the taps of a filter."""
        return self.data(values) if len(values) == SIZE else self.evaluated(values)
