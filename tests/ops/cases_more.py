"""Rows of attention, norms, and windows."""

import math

from tests.ops.table import B, F, case

case("dot_product_attention", F(2, 3, 4, 5), F(2, 6, 4, 5), F(2, 6, 4, 5))
case("dot_product_attention", F(2, 3, 4, 5), F(2, 6, 2, 5), F(2, 6, 2, 5), scale=0.3)
case(
    "dot_product_attention", F(2, 4, 2, 5), F(2, 4, 2, 5), F(2, 4, 2, 5), is_causal=True
)
case("dot_product_attention", F(2, 3, 2, 5), F(2, 6, 2, 5), F(2, 6, 2, 5), F(2, 2, 3, 6),
     B(2, 2, 3, 6))  # fmt: skip
case("norm", F(3, 4))
case("norm", F(5), ord=1)
case("norm", F(5), ord=3)
case("norm", F(5), ord=math.inf)
case("norm", F(5), ord=-math.inf)
case("norm", F(5), ord=0, _grad=False)
case("norm", F(3, 4, 2), axis=1)
case("norm", F(3, 4, 2), ord=2, axis=-1, keepdims=True)
for ord in ("fro", 1, -1, math.inf, -math.inf):
    case("norm", F(3, 4), ord=ord)
    case("norm", F(3, 4, 2), ord=ord, axis=(0, 2), keepdims=True)
case("cdist", F(3, 4), F(5, 4), _symbolic=False)
case("cdist", F(2, 3, 4), F(2, 5, 4), _symbolic=False)
case("psnr", F(3, 4), F(3, 4), 2.0)
case("unfold", F(2, 3, 5, 6), 2)
case("unfold", F(2, 3, 7, 8), (3, 2), dilation=2, padding=1, stride=(2, 1))
case("fold", F(2, 12, 20), (5, 6), 2)
case("fold", F(2, 12, 12), (5, 6), 2, padding=1, stride=2)
case("extract_sequences", F(2, 10), 4, 3)
case("rearrange", F(2, 6, 3), "b (h w) c -> (b h) w c", h=2, _symbolic=False)
case("rearrange", F(2, 3, 4), "a b c -> c (b a)", _symbolic=False)
