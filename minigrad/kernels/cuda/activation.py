"""Activations, their derivatives, and losses of one element: the rules of ``rules.py``, the same as on the CPU."""

from __future__ import annotations

from minigrad.kernels import rules
from minigrad.kernels.cuda.elementwise import Elementwise

__all__ = rules.__all__

bce = Elementwise("bce", rules.bce)
bce_slope = Elementwise("bce_slope", rules.bce_slope)
bce_with_logits = Elementwise("bce_with_logits", rules.bce_with_logits)
elu = Elementwise("elu", rules.elu)
elu_backward = Elementwise("elu_backward", rules.elu_backward)
gelu = Elementwise("gelu", rules.gelu)
gelu_backward = Elementwise("gelu_backward", rules.gelu_backward)
gelu_tanh = Elementwise("gelu_tanh", rules.gelu_tanh)
gelu_tanh_backward = Elementwise("gelu_tanh_backward", rules.gelu_tanh_backward)
hardsigmoid = Elementwise("hardsigmoid", rules.hardsigmoid)
hardsigmoid_backward = Elementwise("hardsigmoid_backward", rules.hardsigmoid_backward)
hardswish = Elementwise("hardswish", rules.hardswish)
hardswish_backward = Elementwise("hardswish_backward", rules.hardswish_backward)
hardtanh = Elementwise("hardtanh", rules.hardtanh)
hardtanh_backward = Elementwise("hardtanh_backward", rules.hardtanh_backward)
huber = Elementwise("huber", rules.huber)
leaky_relu = Elementwise("leaky_relu", rules.leaky_relu)
leaky_relu_backward = Elementwise("leaky_relu_backward", rules.leaky_relu_backward)
logsigmoid = Elementwise("logsigmoid", rules.logsigmoid)
logsigmoid_backward = Elementwise("logsigmoid_backward", rules.logsigmoid_backward)
mish = Elementwise("mish", rules.mish)
mish_backward = Elementwise("mish_backward", rules.mish_backward)
relu = Elementwise("relu", rules.relu)
relu_backward = Elementwise("relu_backward", rules.relu_backward)
sigmoid = Elementwise("sigmoid", rules.sigmoid)
sigmoid_backward = Elementwise("sigmoid_backward", rules.sigmoid_backward)
silu = Elementwise("silu", rules.silu)
silu_backward = Elementwise("silu_backward", rules.silu_backward)
softplus = Elementwise("softplus", rules.softplus)
softplus_backward = Elementwise("softplus_backward", rules.softplus_backward)
softsign = Elementwise("softsign", rules.softsign)
softsign_backward = Elementwise("softsign_backward", rules.softsign_backward)
tanh = Elementwise("tanh", lambda z: tanh(z))  # in a rule, that of math.py
tanh_backward = Elementwise("tanh_backward", rules.tanh_backward)
