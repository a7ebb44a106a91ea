"""Rankers for zoo: which backbone will transfer best, from frozen features."""
