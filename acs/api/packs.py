"""Rule packs: propose, compare, watch silently, approve, activate, roll back; and looking back at line tests."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import Answer, Body, LimitQuery, Text
from acs.services.packs import PackStanding

router = APIRouter(tags=["rule packs"])

#: name of a file → its TOML text
Files = dict[Annotated[str, Field(max_length=200)], Annotated[str, Field(max_length=2_000_000)]]
Scope = Annotated[str, Field(max_length=512, description="A topology path or `line:ID`; empty is everywhere.")]
Reason = Annotated[str, Field(min_length=3, max_length=1_000)]


class PackProposal(Body):
    """A new version of the rules."""

    files: Files = Field(min_length=1, max_length=64)
    cases: Files = Field(default_factory=dict, max_length=1_000)
    note: Text = ""


class ApprovalRequest(Body):
    """One person's word."""

    note: Text = ""


class ShadowRequest(Body):
    """Where a version judges silently."""

    scope: Scope = ""


class ActivationRequest(Body):
    """From now on this version decides."""

    scope: Scope = ""
    reason: Reason
    without_shadow: Text = Field(default="", description="Why it may decide without the silent time.")


class RollbackRequest(Body):
    """The version before decides again."""

    scope: Scope = ""
    reason: Reason


class ComparisonRequest(Body):
    """Two packs. `new_files` stand in for `new`."""

    old: Annotated[str, Field(max_length=64, description="A hash, `active` or `packaged`.")] = "active"
    new: Annotated[str, Field(max_length=64)] = "packaged"
    new_files: Files | None = None
    days: Annotated[float, Field(ge=0, le=365, description="Replay the tests of so many days; 0: only the keys.")] = 0


class Approval(Answer):
    """Who approved it."""

    actor: str
    at: datetime
    note: str


class Shadow(Answer):
    """Where it judges silently, since and until when."""

    scope: str
    started_at: datetime
    ended_at: datetime | None


class PackAnswer(Answer):
    """A version and how it stands."""

    hash: str
    id: str
    version: str
    owner: str
    author: str
    created_at: datetime
    note: str
    report: Any = None
    approvals: list[Approval]
    shadow: Shadow | None
    shadow_judged: int
    shadow_differed: int
    decides_in: list[str] = Field(description="Scopes where it decides now; the empty one is everywhere.")
    lacks: list[str] = Field(description="What keeps it from deciding.")
    tree: Any = Field(None, description="The rules, in the answer for one pack.")
    cases: Any = None


class ActivationAnswer(Answer):
    """From when on which pack decided where."""

    id: str
    scope: str
    hash: str | None = Field(description="null: the wider scope's pack decides again")
    kind: Literal["activate", "rollback"]
    at: datetime
    actor: str
    reason: str


def _shown(standing: PackStanding) -> PackAnswer:
    pack = standing.pack
    return PackAnswer(
        hash=pack.hash,
        id=pack.name,
        version=pack.version,
        owner=pack.owner,
        author=pack.author,
        created_at=pack.created_at,
        note=pack.note,
        report=pack.report,
        approvals=[Approval.model_validate(each) for each in standing.approvals],
        shadow=None if standing.shadow is None else Shadow.model_validate(standing.shadow),
        shadow_judged=standing.seen.judged,
        shadow_differed=standing.seen.differed,
        decides_in=list(standing.decides_in),
        lacks=list(standing.lacks),
        tree=pack.tree,
        cases=pack.trials,
    )


@router.get("/packs", summary="Rule packs, newest first")
async def list_packs(actor: ActorDep, services: ServicesDep, limit: LimitQuery = 100) -> list[PackAnswer]:
    """Scope `read`."""
    return [_shown(standing) for standing in await services.packs.find(actor, limit=limit)]


@router.post("/packs", summary="Propose a rule pack", status_code=201)
async def propose_pack(body: PackProposal, actor: ActorDep, services: ServicesDep) -> PackAnswer:
    """Scope `packs` (part of `write`), for all lines. A pack with any fault, or one that fails a case, is refused;
    every fault is named.
    """
    return _shown(await services.packs.propose(actor, body.files, body.cases, note=body.note))


@router.post("/packs/compare", summary="What two packs say differently, and which tests would change")
async def compare_packs(body: ComparisonRequest, actor: ActorDep, services: ServicesDep) -> dict[str, Any]:
    """Scope `read`. With `days`, the stored tests of that time are judged by both."""
    return await services.reviews.compare(actor, body.old, body.new, files=body.new_files, days=body.days)


@router.get("/packs/overrides", summary="Scopes with rules of their own, as differences")
async def list_overrides(actor: ActorDep, services: ServicesDep) -> list[dict[str, Any]]:
    """Scope `read`."""
    return await services.reviews.overrides(actor)


@router.get("/packs/activations", summary="Which pack decided where since when")
async def list_activations(
    actor: ActorDep,
    services: ServicesDep,
    scope: Annotated[str | None, Query(max_length=512)] = None,
    limit: LimitQuery = 100,
) -> list[ActivationAnswer]:
    """Scope `read`."""
    found = await services.packs.history(actor, scope=scope, limit=limit)
    return [ActivationAnswer.model_validate(each) for each in found]


@router.post("/packs/rollback", summary="Let the version before decide again, at once")
async def roll_back(body: RollbackRequest, actor: ActorDep, services: ServicesDep) -> ActivationAnswer:
    """Scope `packs` (part of `write`), for all lines. It needs nobody's approval."""
    return ActivationAnswer.model_validate(await services.packs.rollback(actor, scope=body.scope, reason=body.reason))


@router.get("/packs/{digest}", summary="One rule pack with its rules and cases")
async def get_pack(digest: str, actor: ActorDep, services: ServicesDep) -> PackAnswer:
    """Scope `read`. `digest` is a hash, `active` or `packaged`."""
    return _shown(await services.packs.get(actor, digest))


@router.post("/packs/{digest}/approvals", summary="Approve a rule pack", status_code=201)
async def approve_pack(
    digest: str, actor: ActorDep, services: ServicesDep, body: ApprovalRequest | None = None
) -> PackAnswer:
    """Scope `packs` (part of `write`), for all lines. Only a person who signed in counts, and counts once; a
    program's token is refused.
    """
    return _shown(await services.packs.approve(actor, digest, note=(body or ApprovalRequest()).note))


@router.post("/packs/{digest}/shadow", summary="Let a rule pack judge silently")
async def start_shadow(
    digest: str, actor: ActorDep, services: ServicesDep, body: ShadowRequest | None = None
) -> PackAnswer:
    """Scope `packs` (part of `write`), for all lines. Its verdicts are stored beside the deciding ones and change
    nothing.
    """
    return _shown(await services.packs.start_shadow(actor, digest, scope=(body or ShadowRequest()).scope))


@router.get("/packs/{digest}/shadow", summary="What a silent rule pack would have decided differently")
async def get_shadow(digest: str, actor: ActorDep, services: ServicesDep, limit: LimitQuery = 100) -> dict[str, Any]:
    """Scope `read`."""
    return await services.reviews.shadow_report(actor, digest, limit=limit)


@router.delete("/packs/{digest}/shadow", summary="Let a rule pack judge silently no more")
async def end_shadow(digest: str, actor: ActorDep, services: ServicesDep) -> PackAnswer:
    """Scope `packs` (part of `write`), for all lines."""
    return _shown(await services.packs.end_shadow(actor, digest))


@router.post("/packs/{digest}/activations", summary="Let a rule pack decide", status_code=201)
async def activate_pack(digest: str, body: ActivationRequest, actor: ActorDep, services: ServicesDep) -> PackAnswer:
    """Scope `packs` (part of `write`), for all lines. It needs the approvals and the silent time that `[packs]` asks
    for.
    """
    return _shown(
        await services.packs.activate(
            actor, digest, scope=body.scope, reason=body.reason, without_shadow=body.without_shadow
        )
    )


@router.get("/line-tests/{test_id}/explanation", summary="Why a line test said what it said")
async def explain_test(test_id: str, actor: ActorDep, services: ServicesDep) -> dict[str, Any]:
    """Scope `read`. The sums, what was missing, and what would have flipped it."""
    return await services.reviews.explain(actor, test_id)


@router.get("/line-tests/{test_id}/replay", summary="Judge a line test again from its stored facts")
async def replay_test(
    test_id: str,
    actor: ActorDep,
    services: ServicesDep,
    pack: Annotated[str, Query(max_length=64, description="Another pack than its own: hash, active, packaged.")] = "",
) -> dict[str, Any]:
    """Scope `read`. By its own pack it gives the same bits."""
    return await services.reviews.replay(actor, test_id, pack=pack)
