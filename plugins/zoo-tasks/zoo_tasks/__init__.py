"""Tasks for zoo: classification."""
