"""People and roles: accounts, their roles, passwords, second factors."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import Answer, Body, Name
from acs.services.access import shown_grant
from acs.services.actor import Scope
from acs.services.roles import parse_grant
from acs.services.sign_in import Proof
from acs.store.people import PersonRecord

router = APIRouter(tags=["rights"])

Grants = Annotated[tuple[Annotated[str, Field(max_length=500)], ...], Field(min_length=1, max_length=50)]
Password = Annotated[str, Field(min_length=1, max_length=256)]
_Present = Annotated[str, Field(max_length=256, description="for oneself: the password as it is")]
_Code = Annotated[
    str, Field(max_length=16, description="for oneself: of the present second factor, where there is one")
]
_GRANTS = "each `ROLE`, or `ROLE@GROUP+GROUP`, such as `first-line@region:north`"


class NewPerson(Body):
    """A new account."""

    name: Name
    grants: Grants = Field(description=_GRANTS)
    full_name: Annotated[str, Field(max_length=200)] = ""
    password: Password | None = Field(None, description="none: for sign-in through the identity provider only")


class GrantsBody(Body):
    """Roles in the place of the former ones."""

    grants: Grants = Field(description=_GRANTS)


class PasswordBody(Body):
    """A new password, and for one's own the proof."""

    password: Password
    present_password: _Present = ""
    code: _Code = ""


class FactorBody(Body):
    """The proof of whoever wants a new second factor for himself."""

    present_password: _Present = ""
    code: _Code = ""


class DisabledBody(Body):
    """Whether the account is closed."""

    disabled: bool


class PersonAnswer(Answer):
    """An account without anything secret."""

    name: str
    full_name: str
    grants: list[str]
    from_provider: bool = Field(description="signs in through the identity provider")
    second_factor: bool
    created_at: datetime
    created_by: str
    last_login_at: datetime | None
    locked_until: datetime | None
    disabled_at: datetime | None


class FactorAnswer(Answer):
    """A new second factor; it is in this answer and nowhere else."""

    key: str
    address: str = Field(description="what an authenticator app reads, as text of a QR code")


class RoleAnswer(Answer):
    """A role."""

    name: str
    title: str
    verbs: list[Scope]


@router.get("/roles", summary="Roles and their verbs")
async def list_roles(actor: ActorDep, services: ServicesDep) -> list[RoleAnswer]:
    """Scope `read`."""
    actor.require(Scope.READ)
    roles = services.access.roles.by_name
    return [RoleAnswer(name=name, title=role.title, verbs=sorted(role.verbs)) for name, role in roles.items()]


@router.get("/people", summary="Accounts, by name")
async def list_people(actor: ActorDep, services: ServicesDep) -> list[PersonAnswer]:
    """Scope `people`, or `admin`, which holds it."""
    return [_answer(each) for each in await services.people.list(actor)]


@router.post("/people", summary="Make an account", status_code=201)
async def add_person(body: NewPerson, actor: ActorDep, services: ServicesDep) -> PersonAnswer:
    """Scope `people`, or `admin`, which holds it."""
    grants = [parse_grant(each) for each in body.grants]
    made = await services.people.add(actor, body.name, grants, password=body.password, full_name=body.full_name)
    return _answer(made)


@router.put("/people/{name}/grants", summary="Give a person other roles", status_code=204)
async def set_grants(name: str, body: GrantsBody, actor: ActorDep, services: ServicesDep) -> None:
    """Scope `people`, or `admin`, which holds it. Every session of the person ends."""
    await services.people.set_grants(actor, name, [parse_grant(each) for each in body.grants])


@router.put("/people/{name}/password", summary="Give a person a new password", status_code=204)
async def set_password(name: str, body: PasswordBody, actor: ActorDep, services: ServicesDep) -> None:
    """Scope `people`, or `admin`, which holds it; for oneself the present password and code. Every session of the
    person ends. Nobody does it for somebody who has a right that he lacks.
    """
    await services.people.set_password(actor, name, body.password, Proof(body.present_password, body.code))


@router.post("/people/{name}/factor", summary="Give a person a new second factor", status_code=201)
async def new_factor(name: str, actor: ActorDep, services: ServicesDep, body: FactorBody | None = None) -> FactorAnswer:
    """Scope `people`, or `admin`, which holds it; for oneself the present password and code. The former one is good no
    more, and every session of the person ends. Nobody does it for somebody who has a right that he lacks.
    """
    proof = Proof() if body is None else Proof(body.present_password, body.code)
    return FactorAnswer.model_validate(await services.people.new_factor(actor, name, proof))


@router.put("/people/{name}/disabled", summary="Close an account, or open it again", status_code=204)
async def set_disabled(name: str, body: DisabledBody, actor: ActorDep, services: ServicesDep) -> None:
    """Scope `people`, or `admin`, which holds it. Every session of a closed account ends."""
    await services.people.set_disabled(actor, name, disabled=body.disabled)


def _answer(person: PersonRecord) -> PersonAnswer:
    return PersonAnswer(
        name=person.name,
        full_name=person.full_name,
        grants=[shown_grant(each) for each in person.grants],
        from_provider=bool(person.subject),
        second_factor=person.totp is not None,
        created_at=person.created_at,
        created_by=person.created_by,
        last_login_at=person.last_login_at,
        locked_until=person.locked_until,
        disabled_at=person.disabled_at,
    )
