"""Which backbone to take: estimates from frozen features, and what each candidate costs."""
