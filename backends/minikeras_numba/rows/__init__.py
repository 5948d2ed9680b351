"""Kernels that take an array row by row: softmax, look-ups, arg-reductions, moves."""
