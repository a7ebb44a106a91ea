"""The linear-probe adapter for zoo: a convex fit on frozen features."""
