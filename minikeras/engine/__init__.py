"""The engine: values, primitives, interpreters, graphs, programs.

It speaks to arrays only through the active backend, and knows nothing of layers
or models. Read in this order: aval, primitive, prims/, interpret, eager, autodiff,
staging, graph, passes/, compile.
"""

from minikeras.engine import eager as _eager  # noqa: F401 - installs the base interpreter
