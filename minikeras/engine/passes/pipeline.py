"""The passes in order: what is done with a staged graph before it is planned.

Order matters where one pass makes what another looks for: stabilising needs the ops that
`inline` takes apart, pooling, layouts and epilogues want products that no loop has been fused
with yet, and chains are made of what all others have left.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from minikeras.engine import backend as registry
from minikeras.engine.graph import Graph
from minikeras.engine.passes.branches import branches
from minikeras.engine.passes.chains import chains
from minikeras.engine.passes.collectives import collectives
from minikeras.engine.passes.epilogue import epilogues
from minikeras.engine.passes.fuse import fuse
from minikeras.engine.passes.inline import inline
from minikeras.engine.passes.layouts import layouts
from minikeras.engine.passes.lines import along_lines
from minikeras.engine.passes.pools import pools
from minikeras.engine.passes.scans import scans
from minikeras.engine.passes.simplify import simplify
from minikeras.engine.passes.stabilise import stabilise_graph

Pass = Callable[[Graph], Graph]


def pipeline(backend: registry.Backend) -> list[tuple[str, Pass]]:
    """The passes, in order, by name."""
    return [
        ("scans", scans),
        ("branches", branches),
        ("stabilise", stabilise_graph),
        # Before `simplify`: compositions written out share steps with the nodes around
        # them.
        ("inline", lambda graph: inline(graph, backend)),
        ("simplify", lambda graph: simplify(graph, backend)),
        # After `simplify`: joined with others, a reduction that nobody reads could not
        # be dropped.
        ("collectives", collectives),
        # Before `epilogue`, which takes bias and ReLU into the convolution, where
        # poolings cannot move before them.
        ("pools", pools),
        # Before `epilogue`, since it looks for matmuls that are nodes of their own.
        ("layouts", lambda graph: layouts(graph, backend)),
        ("epilogue", lambda graph: epilogues(graph, backend)),
        ("fuse", lambda graph: fuse(graph, backend)),
        # On what `fuse` has made; chains take nodes of all kinds, so they come last.
        ("lines", lambda graph: along_lines(graph, backend)),
        ("chains", lambda graph: chains(graph, backend)),
    ]


def optimise(graph: Graph, backend: registry.Backend) -> Graph:
    """Run the pipeline; check and print each stage where the environment asks for it."""
    check = os.environ.get("MINIKERAS_CHECK") == "1"
    dump = os.environ.get("MINIKERAS_DUMP") == "graph"
    stages: list[tuple[str, Pass]] = [("traced", lambda g: g), *pipeline(backend)]
    for name, run in stages:
        graph = run(graph)
        if check:
            graph.check()
        if dump:
            print(f"--- {name}: {len(graph.nodes)} nodes\n{graph}", file=sys.stderr)
    return graph
