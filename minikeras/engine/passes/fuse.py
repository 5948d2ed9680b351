"""Fuse: chains and trees of elementwise nodes become one `fused` node each.

A group is a set of elementwise nodes whose results all have the group's shape (its
space), with reductions of such values at its end. A node joins the groups that
make or share its operands unless that would make a cycle: a path that leaves the
group and comes back. (What a softmax divides by is such a case: the sum is complete
only when the loop over the exponentials is over, so the division is not in that loop.)
Dependencies are bit masks over groups, so the test is one `&`. A new dependency is told
only to the groups that run later and have not heard of it: the work grows with the
graph, not with its square (`visits` counts it). The fuser knows kinds, and asks the
backend what it can take; it knows no op.
"""

from __future__ import annotations

from minikeras.engine import backend as registry
from minikeras.engine.graph import Graph, Node, Value
from minikeras.engine.passes.recompute import recompute
from minikeras.engine.prims.compiled import fused

Shape = tuple[int, ...]


class _Group:
    """Nodes that run as one kernel, or a single node that stands alone."""

    __slots__ = ("nodes", "space", "index", "bits", "before", "later", "reads")

    def __init__(self, index: int, space: Shape | None) -> None:
        self.index = index
        self.nodes: list[Node] = []
        self.space = space  # shape of its loop; None: a node that cannot be fused
        self.bits = 1 << index  # its own bit, and those of the groups merged into it
        self.before = 0  # bits of all groups it depends on, however far back
        self.later: set[_Group] = set()  # groups that read a value of this one
        self.reads: dict[Value, None] = {}  # outside values, in order


def fuse(graph: Graph, backend: registry.Backend) -> Graph:
    """Group, order the groups, and make each of several nodes one node."""
    graph, waiting = recompute(graph, backend)
    groups = _Grouping(graph, backend, waiting).run()
    ordered = _ordered(groups, graph)
    users = graph.users()
    outputs = set(graph.outputs)
    nodes = []
    for group in ordered:
        if len(group.nodes) == 1:
            nodes.extend(group.nodes)
        else:
            nodes.append(_fused(group, users, outputs, graph))
    return graph.with_nodes(nodes)


def _space(node: Node, backend: registry.Backend) -> Shape | None:
    """The loop shape of a node that may be fused."""
    kind = node.prim.kind
    if (
        kind not in ("elementwise", "reduce", "create", "random")
        or len(node.outputs) != 1
    ):
        return None
    if not backend.fusible(node):
        return None
    if kind == "reduce":
        return node.inputs[0].aval.shape
    return node.outputs[0].aval.shape


class _Grouping:
    """Assigns every node to a group, in one sweep."""

    def __init__(
        self, graph: Graph, backend: registry.Backend, waiting: frozenset[Node]
    ) -> None:
        self.graph = graph
        self.waiting = waiting  # begin a group of their own, which their reader joins
        self.backend = backend
        self.groups: list[_Group] = []
        self.group_of: dict[Value, _Group] = {}  # by the value it makes
        # Results of reductions: complete after the loop.
        self.reduced: set[Value] = set()
        # Groups that read an outside value, in order.
        self.readers: dict[Value, dict[_Group, None]] = {}
        self.position = {node: i for i, node in enumerate(graph.nodes)}
        self.visits = 0  # groups that were told of a dependency

    def run(self) -> list[_Group]:
        for node in self.graph.nodes:
            space = _space(node, self.backend)
            free = space is not None and node not in self.waiting
            group = self.home(node, space) if free and space is not None else None
            if group is None:
                group = _Group(len(self.groups), space)
                self.groups.append(group)
            self.place(node, group)
        return [g for g in self.groups if g.nodes]

    def place(self, node: Node, group: _Group) -> None:
        group.nodes.append(node)
        for v in node.inputs:
            maker = self.group_of.get(v)
            if maker is not group:
                if maker is not None:
                    maker.later.add(group)
                    self.depend(group, maker.before | maker.bits)
                self.readers.setdefault(v, {})[group] = None
                group.reads[v] = None
        for v in node.outputs:
            self.group_of[v] = group
            if node.prim.kind == "reduce":
                self.reduced.add(v)

    def depend(self, group: _Group, added: int) -> None:
        """`group` runs after the groups in `added`; so does everything that runs after it.

        A group that has heard of all of them has told those after it.
        """
        waiting = [group]
        while waiting:
            group = waiting.pop()
            self.visits += 1
            news = added & ~group.bits
            if group.before | news != group.before:
                group.before |= news
                waiting.extend(group.later)

    def home(self, node: Node, space: Shape) -> _Group | None:
        """The group that `node` joins; several that it links are merged."""
        # What must be over before the node runs. Of a maker that loops over the same
        # space only what that waits for: the node can follow inside the same loop.
        needed = 0
        for v in node.inputs:
            maker = self.group_of.get(v)
            if maker is not None:
                needed |= maker.before
                if maker.space != space or v in self.reduced:
                    needed |= maker.bits
        # Groups that have an operand at hand: they make it, or read it as the node does.
        candidates: dict[_Group, None] = {}  # an ordered set
        for v in node.inputs:
            maker = self.group_of.get(v)
            near = [maker] if maker is not None and v not in self.reduced else []
            # To read a smaller, broadcast operand twice costs no pass over memory: no
            # reason to join.
            if v.aval.shape == space:
                near += self.readers.get(v, ())
            candidates.update((g, None) for g in near if g.space == space)
        # Running the node in a group must not make the group wait for itself.
        fit = [g for g in candidates if not needed & g.bits]
        if not fit:
            return None
        home = fit[0]
        for other in fit[1:]:
            if not self.joinable(home, other, needed):
                continue
            self.merge(home, other)
        return home

    def joinable(self, a: _Group, b: _Group, needed: int) -> bool:
        """Whether two groups may be one: no path from one to the other outside both."""
        for group, target in ((a, b), (b, a)):
            if not group.before & target.bits:
                continue
            # `group` waits for `target`. Where that is for a value of the same loop, as one
            # loop they compute it before it is read; a reduction is complete only after
            # the loop, and a third group between would wait for the loop it is fed by.
            for v in group.reads:
                maker = self.group_of.get(v)
                if maker is target:
                    if v in self.reduced:
                        return False
                elif maker is not None and maker.before & target.bits:
                    return False
        return not needed & (a.bits | b.bits)

    def merge(self, a: _Group, b: _Group) -> None:
        """`b` goes into `a`: its nodes, its bit, what it waits for and what waits for it."""
        for node in b.nodes:
            for v in node.outputs:
                self.group_of[v] = a
        # Nodes of both, in the graph's order, so that definitions precede uses.
        a.nodes = sorted([*a.nodes, *b.nodes], key=self.position.__getitem__)
        b.nodes = []
        for v in b.reads:
            maker = self.group_of.get(v)
            if maker is not None:
                maker.later.discard(b)
                maker.later.add(a)
            self.readers[v] = dict.fromkeys(a if g is b else g for g in self.readers[v])
        a.reads |= b.reads
        a.reads = {v: None for v in a.reads if self.group_of.get(v) is not a}
        a.later = (a.later | b.later) - {a, b}
        # Others know `b` by its bit: it stands for `a` from now on.
        a.bits |= b.bits
        a.before = (a.before | b.before) & ~a.bits
        for group in a.later:
            self.depend(group, a.before | a.bits)


def _ordered(groups: list[_Group], graph: Graph) -> list[_Group]:
    """Groups so that makers come before readers; ties by the last node's place.

    A search in depth with a stack of its own: graphs of deep models are deeper than
    Python's recursion goes. A group stands there twice, before and after its makers.
    """
    place = {node: i for i, node in enumerate(graph.nodes)}
    group_of = {v: g for g in groups for node in g.nodes for v in node.outputs}
    done: set[int] = set()
    ordered: list[_Group] = []
    for root in sorted(groups, key=lambda g: place[g.nodes[-1]]):
        stack = [(root, False)]
        while stack:
            group, expanded = stack.pop()
            if expanded:
                if group.index not in done:
                    done.add(group.index)
                    ordered.append(group)
                continue
            if group.index in done:
                continue
            stack.append((group, True))
            makers = {
                m.index: m
                for node in group.nodes
                for v in node.inputs
                if (m := group_of.get(v)) is not None and m is not group
            }
            stack.extend((m, False) for m in makers.values() if m.index not in done)
    return ordered


def _fused(
    group: _Group, users: dict[Value, list[Node]], outputs: set[Value], graph: Graph
) -> Node:
    """One node for a group: outside values in, values used outside out."""
    members = set(group.nodes)
    inside = {v for node in group.nodes for v in node.outputs}
    renamed: dict[Value, Value] = {}
    constants = {}
    for node in group.nodes:
        for v in node.inputs:
            if v in inside or v in renamed or v in constants:
                continue
            # Numbers go into the body as such; arrays come in from outside.
            if v in graph.constants and v.aval.size == 1 and not v.aval.shape:
                constants[v] = graph.constants[v]
            else:
                renamed[v] = Value(v.aval)
    results = [
        v
        for node in group.nodes
        for v in node.outputs
        if v in outputs or any(u not in members for u in users.get(v, ()))
    ]
    # The fused node's results keep their values for readers outside, so the body needs
    # new ones.
    inner = {v: Value(v.aval) for v in inside}
    mapping = {**renamed, **inner}
    nodes = [
        Node(
            node.prim,
            [mapping.get(v, v) for v in node.inputs],
            [inner[v] for v in node.outputs],
            node.static,
            node.source,
        )
        for node in group.nodes
    ]
    body = Graph(renamed.values(), constants, nodes, [inner[v] for v in results])
    sources = [node.source for node in group.nodes if node.source]
    static = {"body": body, "space": group.space}
    return Node(fused, renamed, results, static, sources[-1] if sources else "")
