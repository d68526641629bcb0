"""The kind `provision`: makes a device as the rules of provisioning want it."""

from acs.services.kinds.base import Kind, PlanContext, check_nothing
from acs.services.plans import Plan
from acs.services.plans.provisioning import ProvisionInputs, ProvisionPlan
from acs.services.provisioning_rules import Desired
from acs.store.records import OperationRecord


def _plan_provision(operation: OperationRecord, context: PlanContext) -> Plan:
    return ProvisionPlan(
        context.provision or ProvisionInputs(Desired(())),
        parameter_key=operation.command_key,
        batch=context.names_per_request,
        budget=context.requests,
    )


KINDS = (Kind("provision", check_nothing, _plan_provision, with_provision=True),)
