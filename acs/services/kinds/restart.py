"""Kinds that restart the CPE: sent at most once, decided by evidence."""

from acs.cwmp.messages import FactoryReset, Message
from acs.services.kinds.base import Ending, Kind, PlanContext, check_nothing
from acs.services.plans import OneRequestPlan, Outcome, Plan, RebootPlan
from acs.store.records import OperationRecord


def _plan_reboot(operation: OperationRecord, _context: PlanContext) -> Plan:
    return RebootPlan(operation.command_key)


def _plan_factory_reset(_operation: OperationRecord, _context: PlanContext) -> Plan:
    return OneRequestPlan(FactoryReset(), _promised)


def _promised(_answer: Message) -> Outcome:
    return Outcome(True, "the CPE answered")


KINDS = (
    Kind("reboot", check_nothing, _plan_reboot, Ending.RESTART, "Reboot"),
    Kind("factory_reset", check_nothing, _plan_factory_reset, Ending.RESET, "FactoryReset"),
)
