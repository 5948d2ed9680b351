"""What the engine in the page knows of ours."""

from __future__ import annotations

from minikeras.engine.dtypes import is_complex
from minikeras.engine.graph import Graph, Node

# The rows of the page's engine (explorer/src/engine/primitives/); a test compares the two.
KNOWN = frozenset([
    "abs", "acos", "acosh", "add", "all", "any", "argmax", "argmin", "argsort", "asin",
    "asinh", "atan", "atan2", "atanh", "bitwise_and", "bitwise_not", "bitwise_or",
    "bitwise_xor", "broadcast_to", "cast", "cbrt", "ceil", "concat", "cond", "conv",
    "conv_filter_grad", "conv_input_grad", "cos", "cosh", "cumprod", "cumsum",
    "digamma", "div", "dynamic_slice", "dynamic_update_slice", "eq", "erf", "erfinv",
    "exp", "expm1", "flip", "floor", "floordiv", "full", "gather_nd", "ge", "gru",
    "gru_grad", "gt", "iota", "isfinite", "isinf", "isnan", "le", "lgamma", "log",
    "log1p", "log_logistic", "log_softmax", "logaddexp", "logical_not", "logistic",
    "lstm", "lstm_grad", "lt", "matmul", "max", "max_pool", "max_pool_gather",
    "max_pool_grad", "maximum", "min", "minimum", "mod", "mul", "ne", "neg", "pad",
    "pad_strided", "polygamma", "pow", "prod", "put_along_axis_add", "random_bits",
    "relu", "reshape", "round", "rsqrt", "scan", "scatter_add_axis", "scatter_nd_add",
    "select", "shift_left", "shift_right", "sign", "simple_rnn", "simple_rnn_grad",
    "sin", "sinh", "slice", "softmax", "softmax_cross_entropy_with_logits", "sort",
    "sqrt", "stop_gradient", "sub", "sum", "sum_pool", "sum_pool_grad", "take",
    "take_along_axis", "tan", "tanh", "transpose", "variance", "while_loop",
    "with_gradient_of",
])  # fmt: skip


def unknown(node: Node) -> str | None:
    """The primitive in a node that the page does not know; None if it knows all."""
    if node.prim.name not in KNOWN:
        return node.prim.name
    if any(is_complex(v.aval.dtype) for v in (*node.inputs, *node.outputs)):
        return "complex numbers"
    for static in node.static.values():
        if isinstance(static, Graph):
            for inner in static.nodes:
                found = unknown(inner)
                if found is not None:
                    return found
    return None
