"""The training engine against what people use today, each row in the same run as its peer."""
