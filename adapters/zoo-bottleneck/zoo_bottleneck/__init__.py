"""The bottleneck adapter for zoo."""
