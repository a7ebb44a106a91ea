"""The activation cache: what frozen blocks give is computed once, kept, and used again."""
