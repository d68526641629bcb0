"""Kinds that tell a device how it will be woken: its first settings, and new passwords now and then."""

from acs.services.kinds.base import Kind, PlanContext, check_nothing
from acs.services.plans import Plan
from acs.services.plans.waking import WakingPlan
from acs.services.waking.settings import WakingSettings
from acs.store.records import Credentials, OperationRecord


def _plan(operation: OperationRecord, context: PlanContext) -> Plan:
    settings = context.waking or WakingSettings(Credentials("", ""))
    return WakingPlan(context.root, settings, operation.command_key)


KINDS = (
    Kind("first_contact", check_nothing, _plan, with_credentials=True, internal=True),
    Kind("rotate_credentials", check_nothing, _plan, with_credentials=True),
)
