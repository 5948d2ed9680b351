"""How layers keep and use quantized weights; `Quantizable` is their base."""
