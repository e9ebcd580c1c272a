"""One task: plan it, run it."""
