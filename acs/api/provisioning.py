"""Provisioning: the rules, a device's plan, what is stopped, and tags."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import Answer, Body, LimitQuery
from acs.api.told import Told
from acs.secret_names import is_secret
from acs.services.devices import HIDDEN
from acs.services.provisioning_form import Rule

router = APIRouter(tags=["provisioning"])

_Tags = Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(max_length=100)]


class RulesAnswer(Answer):
    """The rules in force, in the order in which they are heard."""

    files: list[str]
    rules: list[dict[str, Any]] = Field(description="as in their files, with every default")


class LintRequest(Body):
    """Rules to be checked, as they stand in a file."""

    text: Annotated[str, Field(max_length=1_000_000)]


class LintAnswer(Answer):
    """What would be in force."""

    rules: list[dict[str, Any]]
    warnings: list[str]


class SettingAnswer(Answer):
    """One setting that differs; secrets are hidden."""

    rule: str
    kind: str = Field(description="value or notification")
    name: str
    present: str | None = Field(description="null: not known")
    wanted: str


class RefusalAnswer(Answer):
    """A rule that a device refused; with `stopped_at` it is not tried any more."""

    device: str
    rule: str = Field(description="* is the device as a whole; RULE/firmware its firmware")
    refusals: int
    reason: Told
    updated_at: datetime
    stopped_at: datetime | None


class PlanAnswer(Answer):
    """What the rules would do at a device now. The device is read first, so fewer settings may be set."""

    device: str
    rules: list[str]
    settings: list[SettingAnswer]
    unchanged: int
    unknown: int = Field(description="settings whose present value was never read")
    firmware: str | None = Field(description="the version that a rule wants, where it is another one")
    left_out: dict[str, Told] = Field(description="rule → why it does nothing here")
    refusals: list[RefusalAnswer]
    tags: list[str]
    line: str | None
    due: bool = Field(description="whether it is done without being asked")


class ResumeRequest(Body):
    """Which rule is tried again; null: all of them."""

    rule: Annotated[str, Field(min_length=1, max_length=100)] | None = None


class ResumeAnswer(Answer):
    """How many rules are tried again."""

    resumed: int


class TagsRequest(Body):
    """Tags to give and to take away."""

    add: _Tags = Field(default_factory=list)
    remove: _Tags = Field(default_factory=list)


class TagsAnswer(Answer):
    """The tags of a device."""

    tags: list[str]


@router.get("/provisioning/rules", summary="The rules in force")
async def list_rules(actor: ActorDep, services: ServicesDep) -> RulesAnswer:
    """Scope `read`."""
    found = services.fleet.desk.rules(actor)
    return RulesAnswer(files=list(found.files), rules=[_shown(rule) for rule in found.rules])


@router.post("/provisioning/lint", summary="Check rules without putting them in force")
async def lint_rules(body: LintRequest, actor: ActorDep, services: ServicesDep) -> LintAnswer:
    """Scope `read`. Errors are told with rule and key, as 422."""
    found = services.fleet.desk.lint(actor, body.text)
    return LintAnswer(rules=[_shown(rule) for rule in found.rules], warnings=list(found.warnings))


@router.get("/provisioning/stopped", summary="Rules that are stopped for a device")
async def list_stopped(actor: ActorDep, services: ServicesDep, limit: LimitQuery = 100) -> list[RefusalAnswer]:
    """Scope `read`. The latest first."""
    found = await services.fleet.desk.stopped(actor, limit)
    return [RefusalAnswer.model_validate(each) for each in found]


@router.get("/tags", summary="Every tag and how many devices have it")
async def list_tags(actor: ActorDep, services: ServicesDep) -> dict[str, int]:
    """Scope `read`."""
    return await services.fleet.desk.tag_counts(actor)


@router.get("/devices/{key:path}/provisioning", summary="What the rules would do at a device")
async def get_plan(
    key: str,
    actor: ActorDep,
    services: ServicesDep,
    event: Annotated[list[Annotated[str, Query(max_length=64)]], Query(max_length=64)] = [],  # noqa: B006 - FastAPI copies it
) -> PlanAnswer:
    """Scope `read`. `event`: as in a session that carries it; give it several times for several."""
    return PlanAnswer.model_validate(await services.fleet.desk.plan(actor, key, event))


@router.post("/devices/{key:path}/provisioning/resume", summary="Try stopped rules of a device again")
async def resume_rules(key: str, body: ResumeRequest, actor: ActorDep, services: ServicesDep) -> ResumeAnswer:
    """Scope `operate`."""
    return ResumeAnswer(resumed=await services.fleet.desk.resume(actor, key, body.rule))


@router.get("/devices/{key:path}/tags", summary="The tags of a device")
async def get_tags(key: str, actor: ActorDep, services: ServicesDep) -> TagsAnswer:
    """Scope `read`."""
    return TagsAnswer(tags=await services.fleet.desk.tags(actor, key))


@router.patch("/devices/{key:path}/tags", summary="Give a device tags and take others away")
async def change_tags(key: str, body: TagsRequest, actor: ActorDep, services: ServicesDep) -> TagsAnswer:
    """Scope `write`."""
    return TagsAnswer(tags=await services.fleet.desk.change_tags(actor, key, body.add, body.remove))


def _shown(rule: Rule) -> dict[str, Any]:
    """A rule as in its file; the value of a parameter that holds a secret is hidden."""
    table = rule.model_dump(mode="json", exclude_none=True)
    for name, value in table.get("values", {}).items():
        if is_secret(name) and not (isinstance(value, dict) and "secret_file" in value):
            table["values"][name] = HIDDEN
    return table
