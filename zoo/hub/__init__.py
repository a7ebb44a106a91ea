"""Hubs: push and pull through huggingface_hub, and a small hub of our own to do it with."""
