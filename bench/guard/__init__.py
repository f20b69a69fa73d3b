"""Instruction counts of deterministic runs, compared with those on record: `python -m bench.guard`."""
