"""Rows of products, normalizations, losses, convolutions and pools."""

from tests.ops.table import F, Fixed, I, P, case

case("matmul", F(3, 4), F(4, 5))
case("matmul", F(2, 3, 4), F(4, 5))
case("matmul", F(2, 1, 3, 4), F(5, 4, 2))
case("matmul", F(4), F(4))
case("matmul", F(4), F(2, 4, 3))
case("matmul", F(2, 3, 4), F(4))
case("matmul", I(3, 4), I(4, 2))
case("matmul", I(3, 4), F(4, 2))
case("matmul", I(3, 4, dtype="int8"), I(4, 2, dtype="int8"))
case("dot", F(3, 4), F(4, 5))
case("dot", F(4), F(4))
case("dot", F(2, 3, 4), F(5, 4, 2))
case("dot", F(3, 4), 2.0)
case("inner", F(3, 4), F(2, 4))
case("vdot", F(2, 3), F(3, 2), _symbolic=False)
case("outer", F(3), F(2, 2))
case("tensordot", F(2, 3, 4), F(3, 4, 5))
case("tensordot", F(2, 3, 4), F(4, 5), axes=1)
case("tensordot", F(2, 3, 4), F(4, 2, 5), axes=[[2, 0], [0, 1]])
case("kron", F(2, 3), F(3, 2))
case("cross", F(4, 3), F(4, 3))
case("cross", F(3), F(2, 3))
case("cross", F(4, 2), F(4, 2))
case("cross", F(4, 2), F(4, 3))
case("trace", F(3, 4))
case("trace", F(2, 3, 4), offset=1, axis1=1, axis2=2)
case("diagonal", F(3, 4), _symbolic=False)
case("diagonal", F(2, 3, 4), offset=-1, axis1=0, axis2=2, _symbolic=False)
case("diag", F(3))
case("diag", F(3), k=-1)
case("diag", F(3, 4), k=1, _symbolic=False)
case("diagflat", F(2, 2), k=1, _symbolic=False)
case("tril", F(3, 4))
case("tril", F(2, 3, 4), k=-1)
case("triu", F(3, 4), k=1)
for text, shapes in (
    ("ij,jk->ik", [(2, 3), (3, 4)]), ("bij,bjk->bik", [(2, 3, 4), (2, 4, 5)]),
    ("ij->ji", [(2, 3)]), ("ij->", [(2, 3)]), ("ii->i", [(3, 3)]), ("ii", [(3, 3)]),
    ("ij,j", [(2, 3), (3,)]), ("i,j->ij", [(2,), (3,)]), ("...ij,jk->...ik", [(2, 5, 3), (3, 4)]),
    ("abc,cd,de->abe", [(2, 3, 4), (4, 5), (5, 2)]), ("ij,ij->ij", [(2, 3), (2, 3)]),
    ("ij,kl->", [(2, 3), (2, 2)]), ("bqhd,bkhd->bhqk", [(2, 3, 2, 4), (2, 5, 2, 4)]),
    ("...i,...i->...", [(2, 3, 4), (3, 4)]), ("a...,b...->ab...", [(2, 3), (4, 3)]),
):  # fmt: skip
    case("einsum", text, *(F(*s) for s in shapes), _symbolic=text != "ii->i")

case("softmax", F(3, 4))
case("softmax", F(3, 4, 2), axis=1)
case("softmax", F(3, 4, 2), axis=(0, 2))
case("softmax", Fixed([1000.0, 0.0, -1000.0]))
case("log_softmax", F(3, 4))
case("log_softmax", F(3, 4, 2), axis=(1, 2))
case("sparsemax", F(3, 4))
case("sparsemax", F(3, 4), axis=0)
case("moments", F(3, 4, 2), axes=[0, 2])
case("moments", F(3, 4, 2), axes=1, keepdims=True)
case("moments", F(3, 4, dtype="float16"), axes=0, _tol=1e-2)
case("batch_normalization", F(3, 4), F(4), P(4), -1)
case("batch_normalization", F(3, 2, 4), F(2), P(2), 1, F(2), F(2))
case("layer_normalization", F(3, 4))
case("layer_normalization", F(3, 4, 2), F(4, 2), F(4, 2), axis=(1, 2))
case("layer_normalization", F(3, 4), F(4), F(4), epsilon=0.01)
case("rms_normalization", F(3, 4))
case("rms_normalization", F(3, 4), F(4), epsilon=0.01)
case("normalize", F(3, 4))
case("normalize", F(3, 4), axis=0)
case("normalize", F(3, 4), order=1)
case("normalize", F(3, 4), order=3)
case("normalize", Fixed([[0.0, 0.0]]), _grad=False)

probs = F(3, 4, low=0.05, high=0.9)
case("categorical_crossentropy", probs, probs)
case("categorical_crossentropy", probs, F(3, 4), from_logits=True)
case(
    "categorical_crossentropy",
    F(3, 4, 2, low=0),
    F(3, 4, 2),
    from_logits=True,
    axis=1,
    _symbolic=False,
)  # keras drops the last axis when symbolic
case(
    "categorical_crossentropy",
    F(3, 4, 2, low=0),
    F(3, 4, 2, low=0.1),
    axis=1,
    _symbolic=False,
)
case("categorical_crossentropy", Fixed([[0.0, 1.0, 0.0]]), Fixed([[1.0, 0.0, 0.0]]))
case("sparse_categorical_crossentropy", I(3, low=0, high=4), probs)
case("sparse_categorical_crossentropy", I(3, 1, low=0, high=4), probs)
case("sparse_categorical_crossentropy", I(3, low=-1, high=5), F(3, 4), from_logits=True)
case(
    "sparse_categorical_crossentropy", Fixed([0.0, 2.0]), F(2, 3, low=0.1), _grad=False
)
case("binary_crossentropy", F(3, 4, low=0, high=1), F(3, 4, low=0.05, high=0.95))
case(
    "binary_crossentropy",
    F(3, 4, low=0, high=1),
    F(3, 4, low=-5, high=5),
    from_logits=True,
)
case(
    "binary_crossentropy",
    Fixed([0.0, 1.0, 1.0]),
    Fixed([0.0, 0.0, 1.0]),
    _symbolic=False,
    _tol=1e-4,
)
case("binary_crossentropy", I(4, low=0, high=2), F(4, low=0.05, high=0.95))

for data_format in ("channels_last", "channels_first"):
    last = data_format == "channels_last"

    def image(*spatial, channels=4, last=last):
        return F(2, *spatial, channels) if last else F(2, channels, *spatial)

    for rank, spatial in ((1, (9,)), (2, (7, 8)), (3, (5, 5, 6))):
        if not last and rank != 2:
            continue
        window = (3, 2, 3)[:rank]
        one = (1,) * rank
        for padding in ("valid", "same"):
            case("conv", image(*spatial), F(*window, 4, 3), strides=1, padding=padding,
                 data_format=data_format, _symbolic=False, _tol=1e-4)  # fmt: skip
            case("conv", image(*spatial), F(*window, 4, 3), strides=2, padding=padding,
                 data_format=data_format, _symbolic=False, _tol=1e-4)  # fmt: skip
            case("conv", image(*spatial), F(*window, 4, 3), padding=padding, dilation_rate=2,
                 data_format=data_format, _symbolic=False, _tol=1e-4)  # fmt: skip
            case("conv_transpose", image(*spatial), F(*window, 3, 4), strides=2, padding=padding,
                 data_format=data_format, _symbolic=False, _tol=1e-4)  # fmt: skip
        case(
            "max_pool",
            image(*spatial),
            (2,) * rank,
            data_format=data_format,
            strides=(2,) * rank,
        )
        for name in ("max_pool", "average_pool"):
            case(name, image(*spatial), (3,) * rank, strides=(2,) * rank, padding="same",
                 data_format=data_format)  # fmt: skip
            case(
                name,
                image(*spatial),
                (3,) * rank,
                strides=(1,) * rank,
                data_format=data_format,
            )
    case(
        "conv",
        image(7, 8),
        F(3, 3, 2, 6),
        data_format=data_format,
        _symbolic=False,
        _tol=1e-4,
    )
    case(
        "depthwise_conv",
        image(7, 8),
        F(3, 3, 4, 2),
        data_format=data_format,
        _symbolic=False,
        _tol=1e-4,
    )
    case("separable_conv", image(7, 8), F(3, 3, 4, 2), F(1, 1, 8, 3), data_format=data_format,
         _symbolic=False, _tol=1e-4)  # fmt: skip
case(
    "depthwise_conv",
    F(2, 9, 4),
    F(3, 4, 2),
    strides=2,
    padding="same",
    _symbolic=False,
    _tol=1e-4,
)
case(
    "conv",
    F(2, 9, 4),
    F(1, 4, 3),
    strides=3,
    padding="same",
    _symbolic=False,
    _tol=1e-4,
)
for options in (
    {"strides": 2, "padding": "same", "output_padding": 1}, {"strides": 2, "output_padding": 1},
    {"strides": 3, "padding": "same"}, {"strides": 3}, {"strides": 1, "padding": "same"},
    {"strides": 1, "padding": "valid", "dilation_rate": 2},
    {"strides": 1, "padding": "same", "dilation_rate": 2},
    {"strides": 2, "padding": "same", "output_padding": 0},
):  # fmt: skip
    for k in (2, 3, 4):
        case(
            "conv_transpose",
            F(2, 5, 5, 2),
            F(k, k, 3, 2),
            _symbolic=False,
            _tol=1e-4,
            **options,
        )
case("adaptive_average_pool", F(2, 6, 8, 3), (3, 4), _symbolic=False)
case("adaptive_average_pool", F(2, 7, 5, 3), (3, 2), _symbolic=False)
case("adaptive_max_pool", F(2, 7, 5, 3), (3, 2), _symbolic=False)
