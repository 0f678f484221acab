"""The kernels in obvious NumPy: what every other target must compute, and what the tests compare it with.

The list of functions, with their shapes, is the contract that every target keeps. Shapes and dtypes are checked by
the caller (``ops/``), so a kernel may trust its arguments: operands of a binary kernel have one dtype and shapes
that broadcast, ``dims`` are not negative.

=====================================  ================================================================
contract                               result, with shapes
=====================================  ================================================================
``neg abs reciprocal sqrt rsqrt(x)``   elementwise, ``x.shape``
``exp exp2 expm1 log log2 log10        the same
log1p erf(x)``
``sin cos tan asin acos atan sinh      the same
cosh asinh acosh atanh(x)``
``sign floor ceil trunc round(x)``     the same
``round_to(x, decimals)``              the same, to multiples of ``10^-decimals``
``isnan isinf isfinite                 the same, bool
logical_not(x)``
``bitwise_not(x)``                     elementwise, integers and bools
``relu sigmoid tanh gelu gelu_tanh     elementwise, ``z.shape``
silu mish hardsigmoid hardswish
logsigmoid softsign(z)``
``leaky_relu(z, negative_slope)``      the same, with parameters
``hardtanh(z, min_val, max_val)``      the same
``elu(z, above, below, rate)``         the same
``softplus(z, beta, threshold)``       the same
``relu_backward sigmoid_backward       elementwise: ``da`` times the derivative, written with ``a``
tanh_backward(da, a)``
``gelu_backward gelu_tanh_backward     the same, written with ``z``
silu_backward mish_backward
hardsigmoid_backward
hardswish_backward
logsigmoid_backward
softsign_backward(da, z)``
``leaky_relu_backward                  the same, with parameters; ``da`` has the shape of ``z``
(da, z, negative_slope)``
``hardtanh_backward                    the same
(da, z, min_val, max_val)``
``elu_backward                         the same
(da, z, above, below, rate)``
``softplus_backward                    the same
(da, z, beta, threshold)``
``add sub mul div pow(x, y)``          elementwise with broadcasting
``floor_divide trunc_divide            the same; integers ``y`` are not 0
remainder fmod(x, y)``
``maximum minimum atan2                the same
logaddexp(x, y)``
``eq ne lt le gt ge(x, y)``            the same, bool
``isclose(x, y, rtol, atol,            the same, bool: ``|x - y| <= atol + rtol |y|``
equal_nan)``
``logical_and logical_or               the same, bool
logical_xor(x, y)``
``bitwise_and bitwise_or               the same, integers and bools
bitwise_xor(x, y)``
``clamp(x, low, high)``                elementwise with broadcasting
``lerp(x, y, weight)``                 the same
``where(condition, x, y)``             the same, with a bool ``condition``
``huber(d, delta)``                    elementwise, of a difference
``bce bce_slope(p, y)``                binary cross-entropy of probabilities, and its derivative for p
``bce_with_logits(z, y)``              the same of logits
``cross_entropy(z, y)``                ``(B, C), (B,)`` int64 -> ``(B,)``: ``-log softmax(z)[y]`` of each row
``cross_entropy_backward(dl, z, y)``   ``(B, C)``: ``dl`` times its derivative for ``z``
``moments(x, dims, keepdim)``          mean and (biased) variance over ``dims``, each shaped as of ``sum``
``dropout(x, p, key, together)``       ``x / (1 - p)``, or 0 with probability ``p``; in memory ``together``
                                       neighbours share a fate, which follows from ``key``, 64 bits
``normalise(x, weight, bias, dims,     ``(x - mean) / (variance + eps)^(1/2) weight + bias``, which broadcast to
eps)``                                 ``x``; and the mean and the variance over ``dims``, as of ``moments``
``normalise_backward                   ``x.shape``: the derivative of the first, times ``dy``
(dy, x, weight, dims, eps)``
``normalise_sums                       ``(2, *shape)``: its derivatives for weight and bias of that ``shape``,
(dy, x, shape, dims, eps)``            times ``dy``
``normalise_by(x, mean, scale,         ``(x - mean) scale weight + bias``, where all broadcast to ``x``
weight, bias)``
``running_step(running, observed,      in place, ``running`` moved by ``rate`` of the way to ``scale`` times
*, rate, scale)``                      ``observed``
``sum mean amax amin logsumexp         ``x`` with ``dims`` (a tuple) reduced away, or of size 1 when
(x, dims, keepdim)``                   ``keepdim``
``prod any all(x, dims, keepdim)``     the same
``norm(x, dims, keepdim, p)``          the same: ``(sum |x|^p)^(1/p)``, the largest or smallest ``|x|`` for
                                       p = inf or -inf, how many are not 0 for p = 0
``argmax argmin(x, dim, keepdim)``     int64 index of the first extreme (or NaN) along ``dim``
``argmedian(x, dim, keepdim)``         int64 index of the first lower median (or NaN) along ``dim``
``argsort(x, dim, descending)``        int64 index that sorts along ``dim``: stable, NaN is the largest
``topk(x, dim, k, largest, sorted)``   the first k of it, ``largest`` or smallest; by place if not ``sorted``
``cumsum(x, dim, reverse)``            the running sum along ``dim``, from its end where ``reverse``
``cumprod(x, dim)``                    the running product along ``dim``
``recurrence(a, b, dim, transposed)``  s with ``s_k = b_k + a_k s_(k-1)`` along ``dim``, or, where
                                       ``transposed``, ``s_k = b_k + a_(k+1) s_(k+1)``
``softmax log_softmax(z, dim)``        ``z.shape``
``softmax_backward                     ``z.shape``: the derivative of a softmax, written with ``a``
log_softmax_backward(da, a, dim)``
``matmul(x, y)``                       ``(..., M, K) @ (..., K, N)`` -> ``(..., M, N)``
``linear(x, W, b)``                    ``(..., K), (N, K), (N,) or None`` -> ``(..., N)``
``attention(q, k, v, mask, scale,       ``(..., L, E), (..., S, E), (..., S, Ev)``, and None or what broadcasts to
is_causal)``                           ``(..., L, S)`` -> ``(..., L, Ev)``: ``softmax(scale q k^T + mask) v``; a
                                       query sees keys up to its own place, if ``is_causal``
``attention_backward                   ``(..., L + 2 S, E)``: the gradients of q, k and v one below the other,
(dout, q, k, v, mask, scale,           where Ev = E
is_causal)``
``rnn_tanh rnn_relu(z, h0, W)``        ``(T, B, H), (B, H), (H, H)`` -> all states, ``(T + 1, B, H)``
``lstm(z, h0, c0, W)``                 ``(T, B, 4 H), (B, H), (B, H), (4 H, H)`` -> ``(h, c, i, f, g, o)`` of all
                                       steps, ``(6, T + 1, B, H)``
``gru(z, h0, W, b)``                   ``(T, B, 3 H), (B, H), (3 H, H), (3 H,) or None`` -> ``(h, r, u, n, q)`` of
                                       all steps, ``(5, T + 1, B, H)``
``rnn_tanh_backward                    ``(T + 1, B, ...)``: the gradient of what a step adds to its product, ``H``
rnn_relu_backward lstm_backward        numbers of a plain one, ``4 H`` of the others; in slot 0 that of the state
gru_backward(dy, y, W)``               at the start
``conv(x, W, b, at, groups)``          ``(N, C, *size), (O, C / groups, *k), (O,) or None`` ->
                                       ``(N, O, *counts)``; windows ``at``: see ``windows.py``
``conv_transpose                       ``(N, O, *counts), (O, C / groups, *k), (C,) or None`` ->
(z, W, b, size, at, groups)``          ``(N, C, *size)``
``conv_weight(z, x, at, groups)``      ``(N, O, *counts), (N, C, *size)`` -> ``(O, C / groups, *k)``
``im2col(x, at)``                      ``(N, C, *size)`` -> ``(N, C, *k, *counts)``: every window
``col2im(y, size, at)``                the windows put in their places and added
``argmax_pool(x, spans)``              int64 place of the first largest element (or NaN) of each window, in the
                                       last dims of ``x`` as one; ``spans``: see ``windows.py``
``max_pool(x, index, pooled)``         the elements at these places in the last ``pooled`` dims of ``x``
``max_pool_backward(dy, index, size)`` zeros with ``dy`` added at these places
``avg_pool(x, spans, counts)``         the sum of each window over the product of its ``counts`` for each dim
``avg_pool_backward                    ``dy`` over these counts, added to each element of the windows
(dy, size, spans, counts)``
``resample(x, dim, index, weight)``    ``sum_t weight[i, t] x[..., index[i, t], ...]`` along ``dim``
``resample_backward                    zeros with ``weight[i, t] dy[..., i, ...]`` added at ``index[i, t]``
(dy, dim, size, index, weight)``
``reshape permute expand(x, how)``     a view where the memory allows it
``cast(x, dtype)  copy(x)``            a new array
``cat stack(arrays, dim)``             a new array
``flip(x, dims)                        a new array, its elements in another order
roll(x, shifts, dims)``
``repeat(x, repeats)``                 the whole of ``x`` one after another, ``repeats[d]`` times along each dim
``pad(x, widths, value)``              ``x`` with (before, after) elements of ``value`` around it along each dim
``tril triu(x, k)``                    ``x``, with 0 above or below the diagonal ``k``
``diagonal(x, k, dim1, dim2)``         a view of the diagonals, along a new last dim
``diagonal_backward                    zeros of ``shape`` with ``dy`` on that diagonal
(dy, shape, k, dim1, dim2)``
``unfold(x, dim, size, step)``         a view of all windows along ``dim``, with a new last dim of ``size``
``unfold_backward                      zeros of ``shape`` with the windows ``dy`` added
(dy, shape, dim, size, step)``
``index(x, key)``                      ``x[key]``, as NumPy
``index_backward(dy, shape, key)``     zeros of ``shape`` with ``dy`` added at ``key``, repeats summed
``put(x, key, v)``                     a copy of ``x`` with ``v`` at ``key``; the last one, where a key repeats
``put_add(x, key, v)``                 a copy of ``x`` with ``v`` added at ``key``, repeats summed
``sgd_step(p, g, v, ...)``             one step of SGD, in place on ``p`` and ``v``, which may be None
``rmsprop_step(p, g, s, mean, v,       one step of RMSprop, in place on all but ``g``; ``mean`` and ``v`` may be
...)``                                 None
``adagrad_step(p, g, s, ...)``         one step of Adagrad, in place on ``p`` and ``s``
``adam_step(p, g, m, s, top, ...)``    one step of Adam, in place on all but ``g``; ``top`` may be None
=====================================  ================================================================
"""

from minigrad.kernels.reference.activation import *
from minigrad.kernels.reference.arrange import *
from minigrad.kernels.reference.attention import *
from minigrad.kernels.reference.chance import *
from minigrad.kernels.reference.convolution import *
from minigrad.kernels.reference.cumulative import *
from minigrad.kernels.reference.elementwise import *
from minigrad.kernels.reference.linear import *
from minigrad.kernels.reference.move import *
from minigrad.kernels.reference.normalisation import *
from minigrad.kernels.reference.optimise import *
from minigrad.kernels.reference.order import *
from minigrad.kernels.reference.pooling import *
from minigrad.kernels.reference.recurrent import *
from minigrad.kernels.reference.reduce import *
