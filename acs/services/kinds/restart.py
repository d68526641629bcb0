"""Kinds that restart the CPE."""

from acs.services.kinds.base import Kind, PlanContext, check_nothing
from acs.services.plans import Plan, RebootPlan
from acs.store.records import OperationRecord


def _plan_reboot(operation: OperationRecord, _context: PlanContext) -> Plan:
    return RebootPlan(operation.command_key)


KINDS = (Kind("reboot", check_nothing, _plan_reboot, reboots=True),)
