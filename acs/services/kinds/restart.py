"""Kinds that restart the CPE: sent at most once, decided by evidence."""

from acs.cwmp.messages import FactoryReset, Message
from acs.services.kinds.base import Arguments, Ending, Kind, PlanContext, check_with
from acs.services.plans import OneRequestPlan, Outcome, Plan, RebootPlan
from acs.store.records import OperationRecord


class Overriding(Arguments):
    """`override`: in spite of a call, an upgrade or too many restarts; it needs a reason."""

    override: bool = False


def _plan_reboot(operation: OperationRecord, _context: PlanContext) -> Plan:
    return RebootPlan(operation.command_key)


def _plan_factory_reset(_operation: OperationRecord, _context: PlanContext) -> Plan:
    return OneRequestPlan(FactoryReset(), _promised)


def _promised(_answer: Message) -> Outcome:
    return Outcome(True, "the CPE answered")


KINDS = (
    Kind("reboot", check_with(Overriding), _plan_reboot, Ending.RESTART, "Reboot", Overriding, guarded=True),
    Kind(
        "factory_reset",
        check_with(Overriding),
        _plan_factory_reset,
        Ending.RESET,
        "FactoryReset",
        Overriding,
        guarded=True,
    ),
)
