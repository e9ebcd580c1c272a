"""Run many tasks and survive interruption."""
