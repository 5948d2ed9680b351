"""Kernels described once, for processors and graphics cards: no backend is named here.

A description is written with a `Writer`: values of one or many lanes, loops, memory.
A backend renders it in the language of its machine, whose `Target` says how many lanes
a vector has and how work is cut.
"""
