"""The rows of `benchmarks.ops`: a line for functions that are called alike."""

from __future__ import annotations

from benchmarks.ops_table import B, C, F, I, P, U, row

# --- elementwise
row("abs absolute cos sin tanh sinh cosh tan arctan arcsinh exp exp2 expm1 square negative "
    "fabs sigmoid silu swish gelu relu relu6 elu selu celu softplus softsign sinc i0 cbrt "
    "leaky_relu hard_sigmoid hard_silu hard_swish hard_tanh hard_shrink soft_shrink "
    "tanh_shrink log_sigmoid squareplus sparse_plus sparse_sigmoid deg2rad rad2deg erf erfc "
    "nan_to_num real conj conjugate copy stop_gradient",
    lambda s: (F(s.n),))  # fmt: skip
row("ceil floor round trunc sign", lambda s: (F(s.n),), grad=False)
row("isfinite isinf isnan isneginf isposinf signbit isreal logical_not angle imag",
    lambda s: (F(s.n),), grad=False)  # fmt: skip
row("log log10 log1p log2 sqrt rsqrt reciprocal", lambda s: (P(s.n),))
row("arccos arcsin arctanh erfinv", lambda s: (F(s.n, low=-0.9, high=0.9),))
row("arccosh", lambda s: (F(s.n, low=1.1, high=4),))
row("add subtract multiply maximum minimum fmax fmin logaddexp logaddexp2 hypot arctan2",
    lambda s: (F(s.n), F(s.n)))  # fmt: skip
row("divide true_divide divide_no_nan power", lambda s: (P(s.n), P(s.n)))
row("floor_divide mod fmod heaviside nextafter", lambda s: (F(s.n), P(s.n)), grad=False)
row("equal not_equal greater greater_equal less less_equal isclose allclose",
    lambda s: (F(s.n), F(s.n)), grad=False)  # fmt: skip
row("logical_and logical_or logical_xor", lambda s: (B(s.n), B(s.n)), grad=False)
row("bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift left_shift "
    "right_shift gcd lcm", lambda s: (I(s.n), I(s.n)), grad=False)  # fmt: skip
row("bitwise_invert bitwise_not", lambda s: (I(s.n),), grad=False)
row("clip", lambda s: (F(s.n), -1.0, 1.0))
row("cast saturate_cast", lambda s: (F(s.n), "int32"), grad=False)
row("view", lambda s: (F(s.n), "int32"), grad=False)
row("where", lambda s: (B(s.n), F(s.n), F(s.n)))
row("select", lambda s: ([B(s.n), B(s.n)], [F(s.n), F(s.n)], 0.0))
row("threshold", lambda s: (F(s.n), 0.5, 0.0))
row("ldexp", lambda s: (F(s.n), I(s.n)), grad=False)
row("polar", lambda s: (P(s.n), F(s.n)), grad=False)
row("view_as_complex", lambda s: (F(s.n, 2),), grad=False)
row("view_as_real", lambda s: (C(s.n),), grad=False)
row("array", lambda s: (F(s.n),), grad=False)
row("convert_to_tensor", lambda s: (F(s.n),), grad=False)

# --- reductions
row("sum mean max min amax amin std var logsumexp ptp prod norm nansum nanmax nanmin nanmean "
    "nanvar nanstd nanprod", lambda s: (F(*s.rows), {"axis": 1}))  # fmt: skip
row("any all count_nonzero", lambda s: (B(*s.rows), {"axis": 1}), grad=False)
row(
    "argmax argmin nanargmax nanargmin", lambda s: (F(*s.rows), {"axis": 1}), grad=False
)
row("median nanmedian", lambda s: (F(*s.rows), {"axis": 1}))
row("quantile nanquantile", lambda s: (F(*s.rows), 0.3, {"axis": 1}))
row("percentile nanpercentile", lambda s: (F(*s.rows), 30.0, {"axis": 1}))
row("average", lambda s: (F(*s.rows), {"axis": 1}))
row("moments", lambda s: (F(*s.rows), {"axes": 0}))
row("cumsum cumprod nancumsum nancumprod", lambda s: (U(*s.wide), {"axis": 1}))
row("trapezoid", lambda s: (F(*s.rows),))
row("diff", lambda s: (F(*s.rows),))
row("trace", lambda s: (F(*s.square),))
row("corrcoef", lambda s: (F(64, max(2, s.n // 64)),))
row("segment_sum segment_max segment_min segment_prod",
    lambda s: (F(*s.rows), I(s.rows[0], low=0, high=100), {"num_segments": 100}))  # fmt: skip

# --- sorting and searching
row("sort", lambda s: (F(*s.wide), {"axis": 1}))
row("argsort", lambda s: (F(*s.wide), {"axis": 1}), grad=False)
row("argpartition", lambda s: (F(*s.wide), 10), grad=False)
row("top_k", lambda s: (F(*s.wide), 5))
row("in_top_k", lambda s: (I(s.wide[0]), F(*s.wide), 5), grad=False)
row("searchsorted",
    lambda s: (ascending(1024), F(s.n)), grad=False)  # fmt: skip
row("digitize", lambda s: (F(s.n), [i / 8 for i in range(-16, 16)]), grad=False)
row("unique nonzero", lambda s: (I(s.n, low=0, high=100),), grad=False, compiled=False)
row("histogram", lambda s: (F(s.n), {"bins": 50}), grad=False, compiled=False)
row("bincount", lambda s: (I(s.n, low=0, high=100), {"minlength": 100}), grad=False,
    compiled=False)  # fmt: skip
row("isin", lambda s: (I(s.n, low=0, high=1000), I(100, low=0, high=1000)), grad=False)
row("unravel_index", lambda s: (I(s.n, low=0, high=1000), (10, 100)), grad=False)

# --- movement
row("reshape", lambda s: (F(*s.rows), (-1,)))
row("ravel", lambda s: (F(*s.rows),))
row("transpose fliplr flipud flip", lambda s: (F(*s.square),))
row("swapaxes moveaxis", lambda s: (F(*s.small), 0, 2))
row("rot90", lambda s: (F(*s.square),))
row("roll", lambda s: (F(*s.rows), 3, {"axis": 1}))
row("expand_dims", lambda s: (F(*s.rows), 1))
row("squeeze", lambda s: (F(s.n, 1),))
row("concatenate stack", lambda s: ([F(*s.rows), F(*s.rows)], {"axis": 1}))
row("hstack vstack dstack", lambda s: ([F(*s.rows), F(*s.rows)],))
row("append", lambda s: (F(*s.rows), F(*s.rows), {"axis": 0}))
row("split array_split", lambda s: (F(*s.rows), 4, {"axis": 1}))
row("hsplit", lambda s: (F(*s.rows), 4))
row("vsplit", lambda s: (F(64, max(1, s.n // 64)), 4))
row("dsplit", lambda s: (F(*s.small), 4))
row("unstack", lambda s: (F(4, max(1, s.n // 4)),))
row("pad", lambda s: (F(*s.rows), ((1, 1), (2, 2))))
row("repeat", lambda s: (F(*s.rows), 2, {"axis": 0}))
row("tile", lambda s: (F(*s.rows), (2, 1)))
row("broadcast_to", lambda s: (F(64), s.rows))
row("diag", lambda s: (F(s.side),))
row("diagflat", lambda s: (F(s.side),))
row("diagonal tril triu", lambda s: (F(*s.square),))
row("rearrange", lambda s: (F(*s.small), "b h w -> b (h w)"))
row("meshgrid", lambda s: (F(s.side), F(s.side)))
row("extract_sequences", lambda s: (F(*s.wide), 64, 32))
row("depth_to_space", lambda s: (F(*s.pictures), 2))
row("space_to_depth", lambda s: (F(*s.pictures), 2))
row("size", lambda s: (F(s.n),), grad=False, compiled=False)

# --- indexing
row(
    "take", lambda s: (F(1000, 64), I(max(1, s.n // 64), low=0, high=1000), {"axis": 0})
)
row("take_along_axis", lambda s: (F(*s.rows), I(*s.rows, low=0, high=64), {"axis": 1}))
row("get_item", lambda s: (F(*s.rows), (slice(None), slice(0, 32))))
row("slice", lambda s: (F(*s.rows), (0, 2), (s.rows[0], 32)))
row("slice_update", lambda s: (F(*s.rows), (0, 2), F(s.rows[0], 32)))
row(
    "scatter",
    lambda s: (I(max(1, s.n // 64), 1, low=0, high=1000), F(*s.rows), (1000, 64)),
)
row("scatter_update",
    lambda s: (F(1000, 64), I(max(1, s.n // 64), 1, low=0, high=1000), F(*s.rows)))  # fmt: skip
row("one_hot", lambda s: (I(max(1, s.n // 64), low=0, high=64), 64), grad=False)
row("multi_hot", lambda s: (I(max(1, s.n // 64), 4, low=0, high=64), 64), grad=False)

# --- creation: eager, since a compiled call without arguments is a constant
row("zeros ones empty", lambda s: (s.rows,), grad=False, compiled=False)
row("zeros_like ones_like empty_like", lambda s: (F(*s.rows),), grad=False)
row("full", lambda s: (s.rows, 2.0), grad=False, compiled=False)
row("full_like", lambda s: (F(*s.rows), 2.0), grad=False)
row(
    "arange bartlett blackman hamming hanning",
    lambda s: (s.n,),
    grad=False,
    compiled=False,
)
row("kaiser", lambda s: (s.n, 4.0), grad=False, compiled=False)
row("eye identity tri", lambda s: (s.side,), grad=False, compiled=False)
row("linspace", lambda s: (0.0, 1.0, s.n), grad=False, compiled=False)
row("logspace geomspace", lambda s: (1.0, 3.0, s.n), grad=False, compiled=False)
row("vander", lambda s: (F(max(1, s.n // 16)), 16))

# --- products
row("matmul dot", lambda s: (F(*s.square), F(*s.square)))
row("inner", lambda s: (F(*s.square), F(*s.square)))
row("vdot", lambda s: (F(s.n), F(s.n)))
row("outer", lambda s: (F(s.side), F(s.side)))
row("tensordot", lambda s: (F(*s.square), F(*s.square), 1))
row("einsum", lambda s: ("bij,bjk->bik", F(*s.small), F(*s.small)))
row("kron", lambda s: (F(8, 8), F(max(1, s.n // 4096), 64)))
row("cross", lambda s: (F(max(1, s.n // 3), 3), F(max(1, s.n // 3), 3)))
row("correlate", lambda s: (F(s.n), F(32)))
row("cdist", lambda s: (F(s.side, 32), F(s.side, 32)))

# --- linear algebra, many small matrices
row("inv det slogdet pinv matrix_rank qr svd lu_factor eig", lambda s: (F(*s.small),),
    grad=False)  # fmt: skip
row("cholesky eigh logdet cholesky_inverse", lambda s: (F(*s.small),), grad=False,
    body=lambda keras, f, x: f(spd(keras, x)))  # fmt: skip
row("solve", lambda s: (F(*s.small), F(*s.small)),
    body=lambda keras, f, a, b: f(spd(keras, a), b))  # fmt: skip
row("solve_triangular", lambda s: (F(*s.small), F(*s.small)),
    body=lambda keras, f, a, b: f(spd(keras, a), b, lower=True))  # fmt: skip
row(
    "lstsq", lambda s: (F(max(16, s.n // 16), 16), F(max(16, s.n // 16), 4)), grad=False
)

# --- networks
row("softmax log_softmax sparsemax glu", lambda s: (F(*s.rows),))
row("normalize", lambda s: (F(*s.rows), {"axis": -1, "order": 2}))
row("layer_normalization rms_normalization", lambda s: (F(*s.rows),))
row("batch_normalization",
    lambda s: (F(*s.rows), F(64), P(64), {"axis": -1, "offset": None}))  # fmt: skip
row("binary_crossentropy", lambda s: (U(s.n), U(s.n)))
row("categorical_crossentropy", lambda s: (U(*s.rows), U(*s.rows)))
row("sparse_categorical_crossentropy",
    lambda s: (I(s.rows[0], low=0, high=64), U(*s.rows)))  # fmt: skip
row("psnr", lambda s: (U(s.n), U(s.n), 1.0))
row("max_pool average_pool sum_pool", lambda s: (F(*s.pictures), 2, 2))
row("adaptive_average_pool adaptive_max_pool", lambda s: (F(*s.pictures), 4))
row("conv", lambda s: (F(*s.pictures), F(3, 3, 4, 16), {"padding": "same"}))
row("conv_transpose",
    lambda s: (F(*s.pictures), F(3, 3, 8, 4), {"strides": 2, "padding": "same"}))  # fmt: skip
row("depthwise_conv", lambda s: (F(*s.pictures), F(3, 3, 4, 2), {"padding": "same"}))
row("separable_conv",
    lambda s: (F(*s.pictures), F(3, 3, 4, 1), F(1, 1, 4, 8), {"padding": "same"}))  # fmt: skip
row(
    "dot_product_attention",
    lambda s: (F(*attention(s)), F(*attention(s)), F(*attention(s))),
)
row("ctc_loss",
    lambda s: (I(ctc(s), 12, low=1, high=15), F(ctc(s), 32, 16), I(ctc(s), low=6, high=12),
               I(ctc(s), low=28, high=33)))  # fmt: skip
row("ctc_decode", lambda s: (F(ctc(s), 32, 16), I(ctc(s), low=28, high=33)), grad=False)
row("unfold", lambda s: (F(s.pictures[0], 4, *s.pictures[1:3]), 3))
row("fold", lambda s: (F(s.pictures[0], 36, (s.pictures[1] - 2) ** 2),
                       (s.pictures[1], s.pictures[1]), 3))  # fmt: skip

# --- signals
row("fft", lambda s: ((F(*s.wide), F(*s.wide)),), grad=False)
row("fft2 ifft2", lambda s: ((F(*s.small), F(*s.small)),), grad=False)
row("rfft", lambda s: (F(*s.wide),), grad=False)
row("irfft", lambda s: ((F(s.wide[0], 513), F(s.wide[0], 513)),), grad=False)
row("stft", lambda s: (F(*s.wide), 256, 128, 256), grad=False)
row("istft", lambda s: ((F(s.wide[0], 9, 129), F(s.wide[0], 9, 129)), 256, 128, 256),
    grad=False)  # fmt: skip

# --- pictures
row("image.rgb_to_grayscale image.rgb_to_hsv", lambda s: (U(*rgb(s)),))
row("image.hsv_to_rgb", lambda s: (U(*rgb(s)),))
row("image.gaussian_blur image.sobel_edges", lambda s: (U(*rgb(s)),))
row("image.ssim", lambda s: (U(*rgb(s)), U(*rgb(s))))
row("image.resize", lambda s: (U(*rgb(s)), (24, 24)))
row(
    "image.affine_transform",
    lambda s: (U(*rgb(s)), F(rgb(s)[0], 8, low=-0.1, high=0.1)),
)
row("image.map_coordinates",
    lambda s: (U(*s.square), F(2, *s.square, low=0, high=s.side - 1), 1))  # fmt: skip
row("image.perspective_transform",
    lambda s: (U(*rgb(s)), F(rgb(s)[0], 4, 2, low=0, high=16),
               F(rgb(s)[0], 4, 2, low=0, high=16)))  # fmt: skip
row("image.elastic_transform", lambda s: (U(*rgb(s)),), grad=False)
row("image.extract_patches", lambda s: (U(*rgb(s)), 4))
row("image.extract_patches_3d", lambda s: (U(*s.volume), 2))
row("image.pad_images", lambda s: (U(*rgb(s)), 1, 1, 1, 1))
row("image.crop_images", lambda s: (U(*rgb(s)), 1, 1, 1, 1))
row("image.scale_and_translate",
    lambda s: (U(*rgb(s)), rgb(s), P(2), F(2), (1, 2), "linear"), compiled=False,
    grad=False)  # fmt: skip

# --- control
row("scan", lambda s: (F(64, max(1, s.n // 64)),),
    body=lambda keras, f, x: f(lambda c, v: (c * 0.9 + v, c), x[0], x))  # fmt: skip
row("associative_scan", lambda s: (F(64, max(1, s.n // 64)),),
    body=lambda keras, f, x: f(lambda a, b: a + b, x))  # fmt: skip
row("map", lambda s: (F(64, max(1, s.n // 64)),),
    body=lambda keras, f, x: f(lambda v: keras.ops.tanh(v), x))  # fmt: skip
row("vectorized_map", lambda s: (F(64, max(1, s.n // 64)),),
    body=lambda keras, f, x: f(lambda v: keras.ops.tanh(v), x))  # fmt: skip
row("vectorize", lambda s: (F(s.n),),
    body=lambda keras, f, x: f(lambda v: keras.ops.tanh(v))(x), grad=False)  # fmt: skip
row("fori_loop", lambda s: (F(s.n),), grad=False,
    body=lambda keras, f, x: f(0, 16, lambda i, c: c * 0.9 + 1.0, x))  # fmt: skip
row("while_loop", lambda s: (F(s.n),), grad=False,
    body=lambda keras, f, x: f(lambda i, c: i < 16, lambda i, c: (i + 1, c * 0.9 + 1.0),
                               (0, x)))  # fmt: skip
row("cond", lambda s: (F(s.n),),
    body=lambda keras, f, x: f(x[0] > 0, lambda: keras.ops.tanh(x), lambda: x))  # fmt: skip
row("switch", lambda s: (F(s.n), I(low=0, high=2)),
    body=lambda keras, f, x, i: f(i, [keras.ops.tanh, keras.ops.exp], x))  # fmt: skip
row("custom_gradient", lambda s: (F(s.n),), grad=False,
    body=lambda keras, f, x: keras.ops.tanh(x))  # fmt: skip
row("jvp", lambda s: (F(s.n),), grad=False,
    body=lambda keras, f, x: f(keras.ops.tanh, (x,), (x,)))  # fmt: skip

# --- random
row("random.normal random.uniform random.truncated_normal", lambda s: (s.rows, {"seed": 1}),
    grad=False, compiled=False)  # fmt: skip
row(
    "random.randint",
    lambda s: (s.rows, 0, 100, {"seed": 1}),
    grad=False,
    compiled=False,
)
row("random.gamma", lambda s: (s.rows, 2.0, {"seed": 1}), grad=False, compiled=False)
row(
    "random.beta", lambda s: (s.rows, 2.0, 3.0, {"seed": 1}), grad=False, compiled=False
)
row(
    "random.binomial",
    lambda s: (s.rows, 10.0, 0.3, {"seed": 1}),
    grad=False,
    compiled=False,
)
row("random.categorical", lambda s: (F(*s.rows), 4, {"seed": 1}), grad=False)
row("random.dropout", lambda s: (F(*s.rows), 0.3, {"seed": 1}))
row("random.shuffle", lambda s: (F(*s.rows), {"seed": 1}), grad=False)


def ascending(count):
    """A sorted list of numbers."""
    return [4 * i / count - 2 for i in range(count)]


def spd(keras, x):
    """Symmetric matrices with positive eigenvalues; the same work for every engine."""
    ops = keras.ops
    return ops.matmul(x, ops.swapaxes(x, -1, -2)) + 8 * ops.eye(x.shape[-1])


def attention(s):
    """Queries, keys, values of four heads."""
    return (max(1, s.n // (64 * 64)), 64, 4, 16)


def ctc(s):
    """How many sequences."""
    return max(1, s.n // 512)


def rgb(s):
    """Pictures of three channels."""
    b, h, w, _ = s.pictures
    return (b, h, w, 3)
