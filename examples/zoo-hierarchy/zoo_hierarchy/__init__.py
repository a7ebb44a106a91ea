"""A task for zoo."""
