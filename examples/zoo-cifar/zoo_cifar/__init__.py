"""A backbone for zoo."""
