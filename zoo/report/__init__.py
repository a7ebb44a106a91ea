"""Reports: the record of a run, its plots, and one HTML page made from them."""
