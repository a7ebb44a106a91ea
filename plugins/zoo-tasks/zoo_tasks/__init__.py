"""Tasks for zoo: classes, sets of labels, grades, numbers, pairs of texts."""
