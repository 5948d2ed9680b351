"""The fields of the jobs of Winograd kernels; strides in bytes, places in bytes from B."""

from __future__ import annotations

from typing import NamedTuple


class RowsIn(NamedTuple):
    """The fields of `rows_in`; strides in bytes, places in bytes from B."""

    first: int  # of the rows those that exist
    last: int
    pitch: int
    vectors: int  # whole ones in a row, and lanes behind them
    tail: int
    zeros: int
    target: int
    to_pitch: int


class TilesIn(NamedTuple):
    """The fields of `tiles_in`."""

    times: int
    step: int  # from tile to tile
    column: int
    rows: int  # six; were it a constant, LLVM would unroll them all
    pitch: int
    vectors: int  # of channels
    target: int
    position: int  # from position to position of the results
    to_step: int


class TilesOut(NamedTuple):
    """The fields of `tiles_out`."""

    times: int
    step: int  # from tile to tile
    position: int
    vectors: int
    tail: int  # lanes of the last
    to_step: int
    pitch: int  # from row to row of C
    column: int
    rows: int  # to write of each tile
    columns: int


class TilesBack(NamedTuple):
    """The fields of `tiles_back`."""

    times: int
    step: int  # from tile to tile
    position: int
    vectors: int
    tail: int  # lanes of the last
    target: int  # the six rows of the strip
    rows: int
    pitch: int
    column: int


class RowsBack(NamedTuple):
    """The fields of `rows_back`."""

    first: int  # of the rows those that exist
    last: int
    pitch: int  # from row to row of the strip
    to_pitch: int  # and of A
    vectors: int  # whole ones in a row, and lanes behind them
    tail: int
    carried: int  # two rows for the strip below, and one for what lies outside
    carried_pitch: int
    above: int  # what the strip above carried
    above_pitch: int


class FiltersIn(NamedTuple):
    """The fields of `filters_in`."""

    vectors: int
    tap: int  # from tap to tap in A
    position: int  # from position to position in C


class FiltersOut(NamedTuple):
    """The fields of `filters_out`."""

    vectors: int
    step: int  # from vector to vector
    to_step: int
    position: int  # from position to position in A
    parts: int  # to add, in order
    part: int  # from part to part
    tap: int  # from tap to tap in C
    tail: int  # lanes that are there


class Relayed(NamedTuple):
    """The fields of `relay`: how many jobs, and the address of their table."""

    times: int
    table: int
