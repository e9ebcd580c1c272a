"""Measure the program against DCMTK, pynetdicom and what a user would write, side by side in one run.

`python -m benchmarks --list` names the rows, `python -m benchmarks get send --rounds 3` runs some of them.
"""
