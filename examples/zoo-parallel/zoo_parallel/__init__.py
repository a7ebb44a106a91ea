"""An adapter for zoo."""
