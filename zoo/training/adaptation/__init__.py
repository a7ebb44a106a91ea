"""Training on a labelled source for an unlabelled target, and choosing without its labels."""
