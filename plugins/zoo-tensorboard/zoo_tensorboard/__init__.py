"""TensorBoard for zoo."""
