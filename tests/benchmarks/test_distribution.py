"""The model of what reductions cost, and the report made of it."""

import importlib

import pytest

pytest.importorskip("benchmarks", reason="the benchmarks are not in the wheel")
distribution = importlib.import_module("benchmarks.distribution")


def _lines(ranks, network):
    sizes = [4, 1024, 1 << 15, 1 << 20, 1 << 24]
    reduced = [
        {
            "what": "all_reduce",
            "bytes": n,
            "seconds": distribution.all_reduce(network, 2, n),
        }
        for n in sizes
    ]
    step = {"what": "step", "workload": "mlp", "ranks": ranks, "seconds": 0.01 * ranks,
            "share": 0.25, "bytes": 1 << 20}  # fmt: skip
    return [*(reduced if ranks > 1 else []), step]


def test_the_fit_finds_what_messages_cost():
    true = distribution.Network("", 2e-5, 1e-9)
    found = [f for f in _lines(2, true) if f["what"] == "all_reduce"]
    fitted = distribution.network_of(
        [f["bytes"] for f in found], [f["seconds"] for f in found]
    )
    assert fitted.a == pytest.approx(true.a, rel=0.05)
    assert fitted.b == pytest.approx(true.b, rel=0.05)


def test_more_ranks_never_cost_less():
    network = distribution.USUAL[0]
    for size in (100, 10**6):
        times = [
            distribution.all_reduce(network, r, size) for r in (1, *distribution.RANKS)
        ]
        assert times == sorted(times) and times[0] == 0


def test_the_report_has_a_row_for_each():
    network = distribution.USUAL[1]
    text = distribution.report({r: _lines(r, network) for r in (1, 2)})
    assert "| mlp | 2 | 20.00 ms | 50% | 25% |" in text
    assert "| 1,048,576 | " in text and "alpha = 2 us" in text
    assert text.count("10 Gbit/s Ethernet") == 1
