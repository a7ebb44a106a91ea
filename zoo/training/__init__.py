"""Training: the fit loop, baselines, evaluation, and what a run leaves behind."""
