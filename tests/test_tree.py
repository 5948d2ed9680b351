"""`keras.tree`: every name, on nested and odd structures."""

import collections
import dataclasses
import inspect

import numpy as np
import pytest

import minikeras
from minikeras import tree
from tests.goldens.oracle import keras

Point = collections.namedtuple("Point", ["x", "y"])
Other = collections.namedtuple("Other", ["x", "y"])
OrderedDict, defaultdict = collections.OrderedDict, collections.defaultdict
deque = collections.deque


class Sub(dict):
    pass


class Sequence(list):
    pass


@dataclasses.dataclass
class Record:
    a: int
    b: list


NESTED = {"b": [1, (2, None)], "a": Point(3, {"z": 4})}


def test_flatten_and_pack():
    assert tree.flatten(NESTED) == [3, 4, 1, 2, None]
    assert tree.flatten_with_path(NESTED)[1] == (("a", 1, "z"), 4)
    packed = tree.pack_sequence_as(NESTED, range(5))
    assert packed == {"b": [2, (3, 4)], "a": Point(0, {"z": 1})}
    with pytest.raises(ValueError, match="1 leaves for a structure with 5"):
        tree.pack_sequence_as(NESTED, [1])
    assert tree.is_nested(()) and not tree.is_nested("ab")


def test_map():
    doubled = tree.map_structure(lambda v: v and 2 * v, NESTED)
    assert doubled == {"b": [2, (4, None)], "a": Point(6, {"z": 8})}
    assert tree.map_structure(lambda v: v + 1, [1, None], none_is_leaf=False) == [
        2,
        None,
    ]
    assert tree.map_structure_up_to(
        {"a": 0, "b": 0}, len, {"a": [1, 2], "b": (3,)}
    ) == {
        "a": 2,
        "b": 1,
    }
    assert tree.map_shape_structure(len, {"a": (1, 2), "b": [(None,)]}) == {
        "a": 2,
        "b": [1],
    }
    assert tree.lists_to_tuples([1, [2, {"a": [3]}]]) == (1, (2, {"a": (3,)}))
    with pytest.raises(ValueError, match="differ"):
        tree.map_structure(lambda a, b: a, [1], [1, 2])
    with pytest.raises(ValueError, match="at least one"):
        tree.map_structure(len)
    with pytest.raises(TypeError, match="cannot be called"):
        tree.map_structure(3, [1])
    with pytest.raises(ValueError, match=r"differ at \['a'\]\[1\]: int and \['int'\]"):
        tree.map_structure(lambda a, b: a, {"a": [1, 2]}, {"a": [1, [2]]})
    with pytest.raises(
        ValueError, match="expected the same containers, sizes and keys"
    ):
        tree.map_structure_up_to([0, 0], len, [1])


def test_traverse():
    down = tree.traverse(
        lambda v: sum(v) if isinstance(v, tuple) else None, [1, (2, 3)]
    )
    assert down == [1, 5]
    up = tree.traverse(
        lambda v: sum(v) if isinstance(v, list) else v, [1, [2, 3]], False
    )
    assert up == 6
    gone = tree.traverse(lambda v: tree.MAP_TO_NONE if v == 2 else None, [1, [2, 3]])
    assert gone == [1, [None, 3]]


def test_same():
    tree.assert_same_structure(NESTED, NESTED)
    tree.assert_same_paths([1, (2,)], (3, [4]))
    with pytest.raises(ValueError, match="differ"):
        tree.assert_same_structure([1], (1,))
    with pytest.warns(DeprecationWarning, match="check_types has no effect"):
        tree.assert_same_structure([1], [2], check_types=False)
    with pytest.raises(ValueError, match="only in b"):
        tree.assert_same_paths([1], [1, 2])


STRUCTURES = [
    {"b": 1, "a": 2}, {"b": {"z": 1, "y": 2}, "a": [3, (4,)]}, {3: 1, 1: 2},
    OrderedDict([("b", 1), ("a", 2)]), defaultdict(list, {"b": 1, "a": 2}),
    [defaultdict(int, {"q": 1})], Point(1, [2, 3]), None, [None, 1], (None,), {}, [], (),
    1, "ab", b"ab", Sub(b=1, a=2), [Sub(a=1)], Sequence([1, 2]), Record(1, [2]),
    deque([1, (2, 3)], maxlen=3), {1: 2, "a": 3}, {(1, 2): 3, (0, 1): 4}, {1}, range(3),
    [[], {}], {None: 1}, {"a": (2, None), "b": [None, 3]}, [[2, 3], [(4, 5), "c"]],
]  # fmt: skip
CALLS = {
    "is_nested": lambda t, s: t.is_nested(s),
    "flatten": lambda t, s: t.flatten(s),
    "flatten_with_path": lambda t, s: t.flatten_with_path(s),
    "map": lambda t, s: t.map_structure(lambda v: [v], s),
    "map_without_none": lambda t, s: t.map_structure(str, s, none_is_leaf=False),
    "pack": lambda t, s: t.pack_sequence_as(s, range(len(t.flatten(s)))),
    "lists_to_tuples": lambda t, s: t.lists_to_tuples(s),
    "shapes": lambda t, s: t.map_shape_structure(lambda v: ("shape", v), s),
    "down": lambda t, s: t.traverse(
        lambda v: ("list", v) if isinstance(v, list) else None, s
    ),
    "up": lambda t, s: t.traverse(
        lambda v: t.MAP_TO_NONE if v == 1 else v, s, top_down=False
    ),
}


@pytest.mark.oracle
@pytest.mark.parametrize("name", CALLS)
def test_one_structure_as_in_keras(name):
    for structure in STRUCTURES:
        got, want = (
            CALLS[name](library, structure) for library in (tree, keras().tree)
        )
        assert repr(got) == repr(want), structure  # repr: the order of keys counts
        assert type(got) is type(want)


PAIRS = [
    ([1], [2]), ([1], (1,)), ([1], [1, 2]), ({"a": 1}, {"b": 1}), ([1], 1), (1, [1]),
    ({"a": 1}, OrderedDict(a=1)), ({"a": 1, "b": 2}, {"b": 3, "a": 4}),
    (OrderedDict([("b", 1), ("a", 2)]), OrderedDict([("a", 1), ("b", 2)])),
    (Point(1, 2), Other(1, 2)), (Point(1, 2), (1, 2)), (Point(1, 2), Point(3, [4])),
    ([None], [1]), ([1], [None]), ([None], [None]), (None, None),
    (defaultdict(int, a=1), {"a": 1}), (defaultdict(int, a=1), defaultdict(list, a=1)),
    (Sequence([1]), [1]), (Sub(a=1), {"a": 1}), ([[]], [[]]), ([1], [[1]]),
    ({"a": [1]}, {"a": [1, 2]}), ({}, []), (deque([1]), deque([2])), ([(1,)], [[1]]),
]  # fmt: skip
CALLS_OF_TWO = {
    "same": lambda t, a, b: t.assert_same_structure(a, b),
    "same_types": lambda t, a, b: t.assert_same_structure(a, b, check_types=True),
    "same_not_types": lambda t, a, b: t.assert_same_structure(a, b, check_types=False),
    "same_paths": lambda t, a, b: t.assert_same_paths(a, b),
    "map": lambda t, a, b: t.map_structure(lambda x, y: [x, y], a, b),
    "map_without_none": lambda t, a, b: t.map_structure(
        lambda x, y: [x, y], a, b, none_is_leaf=False
    ),
    "up_to": lambda t, a, b: t.map_structure_up_to(a, lambda x: [x], b),
    "up_to_two": lambda t, a, b: t.map_structure_up_to(a, lambda x, y: [x, y], b, a),
    "pack": lambda t, a, b: t.pack_sequence_as(a, t.flatten(b)),
}


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore:[^\n]*check_types:DeprecationWarning")
@pytest.mark.parametrize("name", CALLS_OF_TWO)
def test_two_structures_as_in_keras(name):
    for a, b in PAIRS:
        if name.startswith("up_to") and None in (a, *tree.flatten(a)):
            continue  # keras refuses a shallow structure with None
        try:
            want = repr(CALLS_OF_TWO[name](keras().tree, a, b))
        except ValueError:
            with pytest.raises(ValueError, match=r"tree\."):
                CALLS_OF_TWO[name](tree, a, b)
            continue
        assert repr(CALLS_OF_TWO[name](tree, a, b)) == want, (a, b)


def test_lists_and_dicts_of_layers_are_gone_into():
    class Holder(minikeras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.parts = [1, 2]
            self.table = {"b": 1, "a": 2}

    layer = Holder()
    assert tree.flatten([layer.parts, layer.table]) == [1, 2, 2, 1]
    assert type(tree.map_structure(str, layer.parts)) is type(layer.parts)


def test_models_keep_the_order_of_keys():
    x = minikeras.Input((2,))
    model = minikeras.Model(x, {"second": x * 2, "first": x + 1})
    assert list(model(np.ones((1, 2)))) == ["second", "first"]
    assert list(model.predict(np.ones((1, 2)), verbose=0)) == ["second", "first"]
    ordered = minikeras.Model(x, OrderedDict(second=x * 2, first=x + 1))
    assert type(ordered(np.ones((1, 2)))) is OrderedDict
    counted = minikeras.Model(x, defaultdict(int, only=x))(np.ones((1, 2)))
    assert counted["more"] == 0 and counted["only"].shape == (1, 2)


@pytest.mark.oracle
@pytest.mark.parametrize("name", sorted(set(tree.__all__) - {"MAP_TO_NONE"}))
def test_signatures_are_those_of_keras(name):
    ours = inspect.signature(getattr(tree, name)).parameters.values()
    theirs = inspect.signature(getattr(keras().tree, name)).parameters.values()
    assert [(p.name, p.kind, p.default) for p in ours] == [
        (p.name, p.kind, p.default) for p in theirs
    ]


def test_sets_are_containers_where_a_layer_tracks_them(lib):
    layer = lib.layers.Layer()
    layer.some, layer.none, layer.shapes = {3, 1, 2}, set(), {(7, None, 9)}
    tree, some = lib.tree, layer.some
    assert not tree.is_nested({1, 2}) and tree.flatten({1}) == [{1}]
    assert all(map(tree.is_nested, (some, layer.none)))
    assert sorted(tree.flatten([some, {"a": layer.none}])) == [1, 2, 3]
    assert tree.flatten_with_path(layer.shapes) == [
        ((0, 0), 7), ((0, 1), None), ((0, 2), 9)]  # fmt: skip
    made = tree.map_structure(lambda a, b: a + b, some, some)
    assert made == {2, 4, 6} and type(made) is type(some)
    assert tree.pack_sequence_as(some, [4, 5, 6]) == {4, 5, 6}
    assert tree.traverse(lambda v: v * 2 if isinstance(v, int) else None, some) == made
    assert tree.map_shape_structure(len, layer.shapes) == {3}
    tree.assert_same_structure(some, made)
    for other in ({1, 2, 3}, [1, 2, 3], layer.none):
        with pytest.raises(ValueError):
            tree.assert_same_structure(some, other)


def test_an_ordered_dict_keeps_its_order_in_a_layer(lib):
    layer = lib.layers.Layer()
    layer.parts = collections.OrderedDict(b=1, a=2)
    assert isinstance(layer.parts, collections.OrderedDict)
    assert lib.tree.flatten_with_path(layer.parts) == [(("b",), 1), (("a",), 2)]
    made = lib.tree.map_structure(lambda v: v + 1, layer.parts)
    assert list(made.items()) == [("b", 2), ("a", 3)]
    assert lib.tree.pack_sequence_as(layer.parts, [4, 5]) == {"b": 4, "a": 5}
