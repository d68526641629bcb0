"""Line tests: facts in, verdict out. Pure: no I/O and no clock while judging.

facts → gates → outage statistics → scorecards → post-gates → verdict, explained line by line.
"""

from probes.linetest.engine import judge
from probes.linetest.model import Verdict, VerdictKind
from probes.linetest.pack import Pack
from probes.linetest.pack_files import load_pack

__all__ = ["Pack", "Verdict", "VerdictKind", "judge", "load_pack"]
