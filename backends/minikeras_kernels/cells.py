"""The cells of recurrent layers: what one row of a batch does in one step.

A cell turns the product of state and recurrent kernel into gates and the next state;
backwards, gradients of the state into those of the gates. Rows never meet. How a machine
makes the product, and where it then lies, a subclass says.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from minikeras_kernels import mathlib
from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.signature import KernelWriter
from minikeras_kernels.target import Target
from minikeras_kernels.values import Address, Kind, Val, const

ARRAYS = {
    "lstm": ("x", "h0", "c0", "hs", "last", "cs", "gates"),
    "lstm_grad": ("g", "gc", "cs", "gates", "c0", "dx", "dh", "dc"),
    "gru": ("x", "h0", "b", "hs", "gates"),
    "gru_grad": ("g", "hs", "gates", "h0", "dx", "da", "dh"),
    "simple_rnn": ("x", "h0", "hs"),
    "simple_rnn_grad": ("g", "hs", "dx", "dh"),
}
BLOCKS = {"lstm": 4, "gru": 3, "simple_rnn": 1}
_ZERO = const(Kind.I64, 0)
KINDS = {"float32": Kind.F32, "float64": Kind.F64}


class Cells:
    """Addresses, vectors and the six cells; `step` is the step, `place` where it is in x."""

    n: dict[str, Val]
    arrays: dict[str, Address]
    step: Val
    place: Val

    def __init__(
        self, target: Target, name: str, dtype: str, masked: bool, activation: str
    ) -> None:
        self.f = KernelWriter("recurrent", target)
        self.name, self.kind = name, KINDS[dtype]
        self.masked, self.activation = masked, activation
        self.lanes = target.lanes(self.kind.nbytes)
        self.back = name.endswith("_grad")
        self.row = name.removesuffix("_grad")
        self.blocks = BLOCKS[self.row]

    @abstractmethod
    def product(self, b: Val) -> Callable[[int], Val]:
        """Blocks of the state's product of row b, with what is added to it."""

    @abstractmethod
    def gradient(self, b: Val) -> Callable[[], Val]:
        """The gradient of the state of row b that later steps have left."""

    def states(self, b: Val) -> tuple[Address, Address]:
        """Row b's state before the step, and where the one after it goes."""
        state = self.rows("space", b)
        return state, state

    def span(self) -> tuple[Val, Val]:
        """The units of the state that are this thread's."""
        return _ZERO, self.n["width"]

    # addresses ----------------------------------------------------------------------

    def times(self, x: Val, n: int) -> Val:
        return x if n == 1 else self.f.mul(x, const(Kind.I64, n))

    def rows(self, array: str, row: Val, blocks: int = 1) -> Address:
        """The address of a row of `blocks` times the width."""
        width = self.times(self.n["width"], blocks)
        return self.f.at(self.arrays[array], self.f.mul(row, width))

    def by_batch(self, array: str, b: Val, at: Val, blocks: int = 1) -> Address:
        row = self.f.add(self.f.mul(b, self.n["time"]), at)
        return self.rows(array, row, blocks)

    def by_time(self, array: str, b: Val, at: Val, blocks: int = 1) -> Address:
        row = self.f.add(self.f.mul(at, self.n["batch"]), b)
        return self.rows(array, row, blocks)

    def earlier(
        self, start: str, array: str, b: Val, by: Callable[..., Address]
    ) -> Address:
        """The row of the step before: at the first step that of `start`."""
        f = self.f
        first = f.icmp(Rel.EQ, self.step, _ZERO)
        # Never row -1, even where it is not read: its address may belong to nobody.
        before = f.sub(
            self.step, f.convert(Op.ZEXT, f.icmp(Rel.NE, self.step, _ZERO), Kind.I64)
        )
        begin, other = self.rows(start, b), by(array, b, before)
        return begin._replace(base=f.select(first, begin.base, other.base))

    # vectors ------------------------------------------------------------------------

    def get(self, base: Address, block: int = 0) -> Val:
        f = self.f
        at = f.add(self.at, self.times(self.n["width"], block)) if block else self.at
        return f.load(f.at(base, at), self.lanes, self.tail)

    def put(self, x: Val, base: Address, block: int = 0) -> None:
        f = self.f
        at = f.add(self.at, self.times(self.n["width"], block)) if block else self.at
        f.store(x, f.at(base, at), self.tail)

    def kept(self, new: Val, old: Val | None = None) -> Val:
        """`new` where the step is real, else `old`, or zero."""
        if not self.masked:
            return new
        return self.f.select(
            self.real, new, self.f.like(new, 0.0) if old is None else old
        )

    def sweep(self, body: Callable[[], None]) -> None:
        def step(at: Val, mask: Val | None) -> None:
            self.at, self.tail = at, mask
            body()

        self.f.sweep(*self.span(), self.lanes, step)

    def copy(self, source: Address | None, target: Address) -> None:
        """A row, or zeros."""

        def body() -> None:
            x = (
                const(self.kind, 0.0, self.lanes)
                if source is None
                else self.get(source)
            )
            self.put(x, target)

        self.sweep(body)

    def whole_row(self, b: Val) -> None:
        f = self.f
        if self.masked:
            index = f.add(f.mul(b, self.n["time"]), self.place)
            byte = f.load(f.at(self.arrays["mask"], index))
            self.real = f.splat(f.icmp(Rel.NE, byte, 0), self.lanes)
        self.sweep(getattr(self, f"_{self.name}")(b))

    def _lstm(self, b: Val) -> Callable[[], None]:
        """c' = f c + i n, h = o tanh(c'): Gers, Schmidhuber, Cummins (2000), "Learning to
        forget", without peepholes. The gates i, f, n, o lie in this order, which is Keras's.
        """
        f = self.f
        z, c_now = (
            self.by_time("gates", b, self.step, 4),
            self.by_time("cs", b, self.step),
        )
        sums = self.product(b)
        c_old = self.earlier("c0", "cs", b, self.by_time)
        (before, state), hs = self.states(b), self.by_batch("hs", b, self.step)

        def body() -> None:
            # `g` is the forget gate: `f` writes the kernel.
            i, g, o = (mathlib.logistic(f, sums(k)) for k in (0, 1, 3))
            n, old = mathlib.tanh(f, sums(2)), self.get(c_old)
            c = self.kept(f.fma(g, old, f.fmul(i, n)), old)
            h = f.fmul(o, mathlib.tanh(f, c))
            h = self.kept(h, self.get(before)) if self.masked else h
            for k, gate in enumerate((i, g, n, o)):
                self.put(self.kept(gate), z, k)
            self.put(c, c_now)
            self.put(h, state)
            self.put(h, hs)

        return body

    def _lstm_grad(self, b: Val) -> Callable[[], None]:
        """One step of its gradient: `inner` is that of c', `later` what c' got from behind."""
        f = self.f
        g, z = self.by_batch("g", b, self.step), self.by_time("gates", b, self.step, 4)
        c_now, c_old = (
            self.by_time("cs", b, self.step),
            self.earlier("c0", "cs", b, self.by_time),
        )
        dh, dc = self.rows("dh", b), self.rows("dc", b)
        so_far = self.gradient(b)
        dz, dx = self.rows("space", b, 4), self.by_batch("dx", b, self.place, 4)

        def body() -> None:
            i, forget, n, o = (self.get(z, k) for k in range(4))
            one = f.like(i, 1.0)
            total, later = f.fadd(so_far(), self.get(g)), self.get(dc)
            t = mathlib.tanh(f, self.get(c_now))
            inner = f.fma(f.fmul(total, o), f.fnma(t, t, one), later)
            grads = (
                f.fmul(f.fmul(inner, n), self.slope(i)),
                f.fmul(f.fmul(inner, self.get(c_old)), self.slope(forget)),
                f.fmul(f.fmul(inner, i), f.fnma(n, n, one)),
                f.fmul(f.fmul(total, t), self.slope(o)),
            )
            # Twice: `space` is what the product of this step takes, `dx` is a result.
            for k, grad in enumerate(grads):
                self.put(self.kept(grad), dz, k)
                self.put(self.kept(grad), dx, k)
            # A masked step handed the state on as it was: so are its gradients.
            self.put(self.kept(f.fmul(inner, forget), later), dc)
            self.put(self.kept(f.like(total, 0.0), total), dh)

        return body

    def slope(self, y: Val) -> Val:
        """The derivative of the logistic function where it is y."""
        return self.f.fmul(y, self.f.fsub(self.f.like(y, 1.0), y))

    def _gru(self, b: Val) -> Callable[[], None]:
        """h' = z h + (1 - z) tanh(x + r n): Cho et al. (2014), arXiv 1406.1078, with r behind
        the product (`reset_after`), so that one product makes all three blocks.
        """
        f = self.f
        s, x = (
            self.by_time("gates", b, self.step, 4),
            self.by_batch("x", b, self.place, 3),
        )
        sums = self.product(b)
        (before, state), hs = self.states(b), self.by_batch("hs", b, self.step)

        def body() -> None:
            z = mathlib.logistic(f, f.fadd(sums(0), self.get(x, 0)))
            r = mathlib.logistic(f, f.fadd(sums(1), self.get(x, 1)))
            n, old = sums(2), self.get(before)
            new = mathlib.tanh(f, f.fma(r, n, self.get(x, 2)))
            # z h + (1 - z) n as n + z (h - n): one rounding and one product less
            h = self.kept(f.fma(z, f.fsub(old, new), new), old)
            # n too: the gradient of r needs the product before r was applied to it.
            for k, part in enumerate((z, r, n, new)):
                self.put(self.kept(part), s, k)
            self.put(h, state)
            self.put(h, hs)

        return body

    def _gru_grad(self, b: Val) -> Callable[[], None]:
        f = self.f
        g, s = self.by_batch("g", b, self.step), self.by_time("gates", b, self.step, 4)
        before = self.earlier("h0", "hs", b, self.by_batch)
        dh, space = self.rows("dh", b), self.rows("space", b, 3)
        so_far = self.gradient(b)
        dx, da = (self.by_batch(name, b, self.place, 3) for name in ("dx", "da"))

        def body() -> None:
            z, r, n, new = (self.get(s, k) for k in range(4))
            one = f.like(z, 1.0)
            total = f.fadd(so_far(), self.get(g))
            curve = f.fnma(new, new, one)
            dn = f.fmul(f.fmul(f.fsub(one, z), total), curve)
            dz = f.fmul(f.fmul(f.fsub(self.get(before), new), total), self.slope(z))
            dr = f.fmul(f.fmul(dn, n), self.slope(r))
            inner = f.fmul(dn, r)
            # r stands between the third block and its product, not between it and the input:
            # there alone the two gradients differ.
            for k, (outer, own) in enumerate(((dz, dz), (dr, dr), (dn, inner))):
                self.put(self.kept(outer), dx, k)
                self.put(self.kept(own), da, k)
                self.put(self.kept(own), space, k)
            self.put(self.kept(f.fmul(total, z), total), dh)

        return body

    def _simple_rnn(self, b: Val) -> Callable[[], None]:
        f = self.f
        sums = self.product(b)
        (before, state), hs = self.states(b), self.by_batch("hs", b, self.step)

        def body() -> None:
            h = sums(0)
            if self.activation == "tanh":
                h = mathlib.tanh(f, h)
            elif self.activation == "relu":
                h = f.one(Op.MAXIMUM, h, f.like(h, 0.0))
            h = self.kept(h, self.get(before)) if self.masked else h
            self.put(h, state)
            self.put(h, hs)

        return body

    def _simple_rnn_grad(self, b: Val) -> Callable[[], None]:
        f = self.f
        g, y = self.by_batch("g", b, self.step), self.by_batch("hs", b, self.step)
        dh, space = self.rows("dh", b), self.rows("space", b)
        so_far = self.gradient(b)
        dx = self.by_batch("dx", b, self.place)

        def body() -> None:
            total = dz = f.fadd(so_far(), self.get(g))
            h = self.get(y)
            if self.activation == "tanh":
                dz = f.fmul(total, f.fnma(h, h, f.like(h, 1.0)))
            elif self.activation == "relu":
                # From the result, so that no sums are kept: it is above zero where they are.
                zero = f.like(h, 0.0)
                dz = f.select(f.fcmp(Rel.OGT, h, zero), total, zero)
            self.put(self.kept(dz), dx)
            self.put(self.kept(dz), space)
            self.put(self.kept(f.like(total, 0.0), total), dh)

        return body


SIZES = ("batch", "time", "width", "step", "place")


class StepKernel(Cells):
    """The cells of one step for all rows, where another kernel has made the product.

    The table: `SIZES`, then `step_arrays` of the row, then the mask. `space` holds the
    state, backwards the gradients of the gates; `product` is what it was multiplied to.
    """

    def write(self) -> Code:
        f = self.f
        names = [*step_arrays(self.name), *(("mask",) if self.masked else ())]
        words = f.words(len(SIZES) + len(names))
        self.n = dict(zip(SIZES, words, strict=False))
        self.step, self.place = self.n["step"], self.n["place"]
        self.arrays = {
            name: f.array(word, Kind.I8 if name == "mask" else self.kind)
            for name, word in zip(names, words[len(SIZES) :], strict=True)
        }
        with f.loop(f.start, f.stop) as b:
            self.whole_row(b)
        return f.code

    def product(self, b: Val) -> Callable[[int], Val]:
        f, made = self.f, self.rows("product", b, self.blocks)
        if self.row == "gru":
            more = self.arrays["b"]
        else:
            more = self.by_batch("x", b, self.place, self.blocks)
        return lambda k: f.fadd(self.get(made, k), self.get(more, k))

    def gradient(self, b: Val) -> Callable[[], Val]:
        f, dh, made = self.f, self.rows("dh", b), self.rows("product", b)
        return lambda: f.fadd(self.get(dh), self.get(made))


def step_arrays(name: str) -> tuple[str, ...]:
    """The arrays of a step of a row, in the order of its table."""
    return ("space", "product", *ARRAYS[name])
