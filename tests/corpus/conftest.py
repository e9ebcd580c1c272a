"""These tests need a folder of real files, named by `ADIT_TEST_CORPUS`; without it none is collected.

Those of `test_phi_tools.py` also need a planter and a checker, in the folder `ADIT_TEST_PHI_TOOLS`.
"""

from __future__ import annotations

import os

NEEDED = {"test_*.py": "ADIT_TEST_CORPUS", "test_phi_tools.py": "ADIT_TEST_PHI_TOOLS"}
collect_ignore_glob = [pattern for pattern, variable in NEEDED.items() if variable not in os.environ]
