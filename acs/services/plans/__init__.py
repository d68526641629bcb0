"""Plans: how an operation becomes RPCs, one after the other. A file per family; `base` says what a plan is."""

from acs.services.plans.base import Outcome, Plan, Reads
from acs.services.plans.reading import LONGEST_NAME, LONGEST_TYPE, UNKNOWN_NAME, ReadPlan
from acs.services.plans.restart import RebootPlan
from acs.services.plans.setting import FirstContactPlan, SetPlan

__all__ = [
    "LONGEST_NAME",
    "LONGEST_TYPE",
    "UNKNOWN_NAME",
    "FirstContactPlan",
    "Outcome",
    "Plan",
    "ReadPlan",
    "Reads",
    "RebootPlan",
    "SetPlan",
]
