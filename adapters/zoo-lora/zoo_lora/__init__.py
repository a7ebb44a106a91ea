"""The LoRA adapter for zoo, through PEFT."""
