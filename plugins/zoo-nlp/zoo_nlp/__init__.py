"""transformers encoders for zoo: `hf:<org/repo or folder>`."""
