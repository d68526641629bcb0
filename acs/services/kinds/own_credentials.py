"""The operation that gives a device a credential of its own, with which it proves itself to us from then on."""

from acs.cwmp.structs import ParameterValueStruct
from acs.services.kinds.base import Kind, PlanContext, check_nothing
from acs.services.plans import FirstContactPlan, Plan
from acs.store.records import Credentials, OperationRecord


def _plan(operation: OperationRecord, context: PlanContext) -> Plan:
    server = f"{context.root}ManagementServer."
    credentials = context.credentials or Credentials("", "")
    together = (
        ParameterValueStruct(f"{server}Username", credentials.username, "xsd:string"),
        ParameterValueStruct(f"{server}Password", credentials.secret, "xsd:string"),
    )
    return FirstContactPlan((together,), operation.command_key)


KINDS = (Kind("own_credentials", check_nothing, _plan, with_own_credentials=True, internal=True),)
