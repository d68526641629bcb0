"""Plans: how an operation becomes RPCs, one after the other. A file per family; `base` says what a plan is."""

from acs.services.plans.base import OneRequestPlan, Outcome, Plan, Reads, RefusedPlan
from acs.services.plans.bears import Bears
from acs.services.plans.listing import AttributesPlan, NamesPlan
from acs.services.plans.reading import LONGEST_NAME, LONGEST_TYPE, UNKNOWN_NAME, ReadPlan
from acs.services.plans.refreshing import RefreshPlan
from acs.services.plans.restart import RebootPlan
from acs.services.plans.rows import AddPlan, DeletePlan
from acs.services.plans.setting import FirstContactPlan, SetPlan

__all__ = [
    "LONGEST_NAME",
    "LONGEST_TYPE",
    "UNKNOWN_NAME",
    "AddPlan",
    "AttributesPlan",
    "Bears",
    "DeletePlan",
    "FirstContactPlan",
    "NamesPlan",
    "OneRequestPlan",
    "Outcome",
    "Plan",
    "ReadPlan",
    "Reads",
    "RebootPlan",
    "RefreshPlan",
    "RefusedPlan",
    "SetPlan",
]
