"""Methods of PEFT as adapters for zoo."""
