"""Whether two data sets are alike to a backbone, and how they differ."""
