"""The diagnostics of CPEs as data: where each stands in the tree, what it takes, what its results mean. Pure.

The rule of this room: a test is one table of a TOML file; no name of a parameter is written anywhere else.
"""

from acs.profiles.diagnostics.results import results_of
from acs.profiles.diagnostics.schema import DIAGNOSTICS, Diagnostic, Input

__all__ = ["DIAGNOSTICS", "Diagnostic", "Input", "results_of"]
