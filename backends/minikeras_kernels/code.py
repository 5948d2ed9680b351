"""The text of a kernel as data: operations, and the blocks they stand in."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from minikeras_kernels.values import Address, Val


class Op(Enum):
    """What an instruction does, lane by lane unless it says otherwise."""

    # integers
    ADD = "add"
    SUB = "sub"
    MUL = "mul"
    UDIV = "udiv"
    SDIV = "sdiv"
    UREM = "urem"
    SREM = "srem"
    AND = "and"
    OR = "or"
    XOR = "xor"
    SHL = "shl"
    LSHR = "lshr"
    ASHR = "ashr"
    SMIN = "smin"
    CTPOP = "ctpop"
    # floats
    FADD = "fadd"
    FSUB = "fsub"
    FMUL = "fmul"
    FDIV = "fdiv"
    FREM = "frem"
    FNEG = "fneg"
    FMULADD = "fmuladd"  # a b + c, rounded once where the machine can
    FMA = "fma"  # a b + c, rounded once
    FABS = "fabs"
    SQRT = "sqrt"
    FLOOR = "floor"
    CEIL = "ceil"
    ROUNDEVEN = "roundeven"
    MAXIMUM = "maximum"  # NaN where one of both is
    MINIMUM = "minimum"
    COPYSIGN = "copysign"
    SCALEF = "scalef"  # a 2^b, rounded once
    # of one value for all; the rest of C's library, by name
    LIBM = "libm"
    # comparisons and choice
    ICMP = "icmp"
    FCMP = "fcmp"
    SELECT = "select"
    # conversions
    TRUNC = "trunc"
    ZEXT = "zext"
    SEXT = "sext"
    FPTRUNC = "fptrunc"
    FPEXT = "fpext"
    SITOFP = "sitofp"
    UITOFP = "uitofp"
    FPTOSI = "fptosi.sat"  # to the nearest end where it does not fit, NaN to 0
    FPTOUI = "fptoui.sat"
    BITCAST = "bitcast"
    INTTOPTR = "inttoptr"
    PTRTOINT = "ptrtoint"
    # across lanes
    SPLAT = "splat"  # one value in all lanes
    PART = "part"  # neighbouring lanes
    JOIN = "join"  # chosen lanes of two vectors
    ANY = "any"  # whether any lane is true
    MASK_BITS = "mask_bits"  # lane i of a mask as bit i
    COMPRESS = "compress"  # lanes on a mask moved to the front, zeros behind
    PIN = "pin"  # the value, in a register of its own
    # memory
    OFFSET = "offset"
    LOAD = "load"
    STORE = "store"
    SYNC = "sync"  # what any lane has stored is there for all of them
    GATHER = "gather"  # the element at an index for each lane
    COPY = "copy"
    PREFETCH = "prefetch"
    CALL = "call"


class Rel(Enum):
    """How two values compare. Floats: o is false of NaN, u is true of it."""

    EQ = "eq"
    NE = "ne"
    SLT = "slt"
    SLE = "sle"
    SGT = "sgt"
    SGE = "sge"
    ULT = "ult"
    ULE = "ule"
    UGT = "ugt"
    UGE = "uge"
    OEQ = "oeq"
    OLT = "olt"
    OLE = "ole"
    OGT = "ogt"
    OGE = "oge"
    UNE = "une"
    ORD = "ord"
    UNO = "uno"


class Instr(NamedTuple):
    """One operation. `how` is what it needs beyond values: a relation, lanes, a name."""

    op: Op
    out: Val | None
    args: tuple[Val, ...]
    how: Rel | Address | str | bool | int | tuple[int, ...] | None = None


@dataclass(slots=True)
class For:
    """`for index in range(first, stop, step)`; the test comes first."""

    index: Val
    first: Val
    stop: Val
    step: Val
    body: Block


@dataclass(slots=True)
class Repeat:
    """Where `enter` holds: the body, and again as long as `again`, made in it, holds."""

    enter: Val
    body: Block
    again: Val | None = None


@dataclass(slots=True)
class When:
    """The body, where `condition` holds."""

    condition: Val
    body: Block


@dataclass(slots=True)
class Choice:
    """`out` is `then`, made in the body, where `condition` holds, else `otherwise`."""

    condition: Val
    body: Block
    then: Val
    otherwise: Val
    out: Val


Block = list[Instr | For | Repeat | When | Choice]


class Slot(NamedTuple):
    """Memory of the kernel's own: `size` items, in a register once it is compiled."""

    address: Address
    size: int


@dataclass(slots=True)
class Code:
    """A whole kernel: name, parameters, its own memory, and what it does."""

    name: str
    parameters: tuple[Val, ...]
    body: Block = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)
