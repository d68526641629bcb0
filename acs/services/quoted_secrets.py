"""Secrets that a refusal quotes: some CPEs write into a fault what they were told. Pure.

The rule of this file: what a CPE was told in confidence is out of its answer before anybody keeps a word of it.
"""

from dataclasses import replace

from acs.cwmp.messages import Message, SetParameterValues, SoapFault
from acs.secret_names import is_secret
from acs.store.tree_secrets import MASK

#: A shorter one stands in half of all texts by chance, and would leave nothing of them.
_SHORTEST = 4


def secrets_in(request: Message) -> tuple[str, ...]:
    """What must not be quoted of a request: secret values of parameters, and the password of a file server."""
    told = [getattr(request, "password", "")]
    if isinstance(request, SetParameterValues):
        told += [each.value for each in request.parameter_list if is_secret(each.name)]
    return tuple(sorted((each for each in told if len(each) >= _SHORTEST), key=len, reverse=True))


def unquoted(answer: Message, secrets: tuple[str, ...]) -> Message:
    """The answer, a fault without the secrets that its texts quote."""
    if not secrets or not isinstance(answer, SoapFault):
        return answer
    faults = tuple(
        replace(each, fault_string=_masked(each.fault_string, secrets)) for each in answer.set_parameter_values_faults
    )
    return replace(answer, fault_string=_masked(answer.fault_string, secrets), set_parameter_values_faults=faults)


def _masked(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text
