"""Attention layers."""

from minikeras.layers.attention.attention import AdditiveAttention, Attention
from minikeras.layers.attention.grouped import GroupedQueryAttention
from minikeras.layers.attention.multi_head import MultiHeadAttention

__all__ = [
    "AdditiveAttention",
    "Attention",
    "GroupedQueryAttention",
    "MultiHeadAttention",
]
