"""The rows of attention over lists, and of dense layers by equation."""

from tests.layers.case import Case as C

PAIR, TRIPLE = [(5, 4), (3, 4)], [(5, 4), (3, 6), (3, 4)]

ATTENTION_CASES = [
    *[C("Attention", kwargs, PAIR)
      for kwargs in ({}, {"use_scale": True}, {"score_mode": "concat"},
                     {"score_mode": "concat", "use_scale": True})],
    C("Attention", {}, TRIPLE),
    C("Attention", {}, [(1, 1), (1, 1)]),
    C("AdditiveAttention", {}, PAIR),
    C("AdditiveAttention", {"use_scale": False}, TRIPLE),
    C("EinsumDense", {"equation": "abc,cde->abde", "output_shape": (4, 2, 3),
                      "bias_axes": "de", "activation": "relu"}, (4, 5)),
    C("EinsumDense", {"equation": "abcd,cde->abe", "output_shape": (4, 3)}, (4, 2, 5)),
    C("EinsumDense", {"equation": "ab,bc->ac", "output_shape": 7, "bias_axes": "c"}, (5,)),
    C("EinsumDense", {"equation": "...x,xy->...y", "output_shape": 4,
                      "bias_axes": "y"}, (5,)),
    C("EinsumDense", {"equation": "abc,cd->abd", "output_shape": (4, 6),
                      "bias_axes": "bd"}, (4, 5)),
]  # fmt: skip
