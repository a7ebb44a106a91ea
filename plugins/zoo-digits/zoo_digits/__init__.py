"""A tiny digit backbone for zoo whose weights travel in its own wheel."""
