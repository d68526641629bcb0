"""Provisioning through real sockets: rules reach devices at first contact and on change, and stop where refused."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from acs.app import App, build
from acs.cwmp.messages import Message, SetParameterValues, SoapFault
from acs.cwmp.structs import SetParameterValuesFault
from acs.errors import InvalidInput, NotFound
from acs.services.actor import local_actor
from acs.services.identifiers import new_id
from acs.store import devices as device_store
from acs.store import provisioning as provision_store
from acs.store.devices import CredentialKind
from acs.store.records import OperationRecord, OperationState
from tests.api.conftest import NobodyAnswers
from tests.fakes.acs_server import config_for
from tests.fakes.cpe import Cpe
from tests.store.make import line, opening

ADMIN = local_actor("test")
NAME = "Device.X.Name"
PASSWORD = "Device.X.Password"


@asynccontextmanager
async def serving(tmp_path: Path, text: str, **tables: Any) -> AsyncIterator[App]:
    folder = tmp_path / "rules"
    folder.mkdir(exist_ok=True)
    (folder / "10-base.toml").write_text(text)
    settings = {"directory": str(folder), "tick_s": 0.1, "round_s": 0.1, "refusals": 2} | tables.pop("provisioning", {})
    config = config_for(tmp_path, provisioning=settings, **tables)
    app = await build(config, caller=NobodyAnswers())
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


def cpe_of(app: App, **values: str) -> Cpe:
    assert app.cwmp_port is not None
    known = {NAME: "factory", PASSWORD: ""} | values
    cpe = Cpe(app.cwmp_port, values={name: (value, "xsd:string") for name, value in known.items()})
    cpe.connection_request_url = "http://127.0.0.1:9/"
    return cpe


async def until(found: Callable[[], Awaitable[Any]], what: str) -> Any:
    for _ in range(2000):
        value = await found()
        if value:
            return value
        await asyncio.sleep(0.03)
    raise AssertionError(f"never: {what}")


async def provisionings(app: App, cpe: Cpe) -> list[OperationRecord]:
    found = await app.operations.list(ADMIN, device=cpe.key)
    return [each for each in found if each.kind == "provision"]


def sets(cpe: Cpe) -> int:
    return sum(isinstance(each, SetParameterValues) for each in cpe.asked)


BASE = '[[rule]]\nid = "base"\nmatch = {}\n[rule.values]\n".X.Name" = "ours"\n'


async def test_a_new_device_gets_what_the_rules_want_and_keeps_it(tmp_path: Path) -> None:
    async with serving(tmp_path, BASE) as app:
        cpe = cpe_of(app)
        await cpe.session(("0 BOOTSTRAP", ""), ("1 BOOT", ""))
        assert cpe.values[NAME] == ("ours", "xsd:string")
        (done,) = await provisionings(app, cpe)
        assert (done.state, done.detail) == (OperationState.SUCCEEDED, "1 settings changed")
        await cpe.session(("0 BOOTSTRAP", ""), ("1 BOOT", ""))
        assert sets(cpe) == 1
        await cpe.until_quiet(("2 PERIODIC", ""))
        await asyncio.sleep(0.3)
        assert len(await provisionings(app, cpe)) == 2, "nothing is asked where nothing changed"


async def test_a_changed_rule_a_tag_and_a_line_reach_the_device(tmp_path: Path) -> None:
    text = (
        BASE
        + '[[rule]]\nid = "tagged"\npriority = 1\n[rule.match]\ntags = ["vip"]\n[rule.values]\n".X.Name" = "vip"\n'
        + '[[rule]]\nid = "lined"\npriority = 2\n[rule.match.line]\nservices = ["iptv"]\n'
        + '[rule.values]\n".X.Name" = "{line.pppoe_login}"\n'
    )
    async with serving(tmp_path, text) as app:
        desk, cpe = app.northbound.fleet.desk, cpe_of(app)
        await cpe.session(("0 BOOTSTRAP", ""))
        assert await desk.change_tags(ADMIN, cpe.key, add=["vip"]) == ["vip"]
        await cpe.until_quiet(("2 PERIODIC", ""))
        assert cpe.values[NAME][0] == "vip"
        await app.northbound.lines.put(ADMIN, line("line-9", device_serials=(), gpon_serial=""))
        await app.northbound.devices.set_line(ADMIN, cpe.key, "line-9")
        await cpe.until_quiet(("2 PERIODIC", ""))
        assert cpe.values[NAME][0] == "user1"
        await app.northbound.lines.put(ADMIN, line("line-9", device_serials=(), gpon_serial="", pppoe_login="other"))

        async def asked() -> bool:
            return any(each.state is OperationState.QUEUED for each in await provisionings(app, cpe))

        await until(asked, "the changed line is noticed")
        await cpe.until_quiet(("2 PERIODIC", ""))
        assert cpe.values[NAME][0] == "other"
        (tmp_path / "rules" / "10-base.toml").write_text(BASE.replace("ours", "new"))
        await until(asked, "the changed file is noticed")
        await cpe.until_quiet(("2 PERIODIC", ""))
        assert cpe.values[NAME][0] == "new"


async def test_a_broken_file_leaves_the_rules_that_were_good(tmp_path: Path) -> None:
    async with serving(tmp_path, BASE) as app:
        (tmp_path / "rules" / "10-base.toml").write_text("[[rule]]\nid = 1\n")
        before = app.northbound.fleet.provisioning.rules.stamp

        async def read_again() -> bool:
            return app.northbound.fleet.provisioning.rules.stamp != before

        await until(read_again, "the file is looked at")
        cpe = cpe_of(app)
        await cpe.session(("0 BOOTSTRAP", ""))
        assert cpe.values[NAME][0] == "ours"


def minds(name: str) -> Callable[[Message], Message | None]:
    def hook(message: Message) -> Message | None:
        if isinstance(message, SetParameterValues) and any(p.name == name for p in message.parameter_list):
            faults = (SetParameterValuesFault(name, 9007, "Invalid value"),)
            return SoapFault(9003, "Invalid arguments", set_parameter_values_faults=faults)
        return None

    return hook


async def test_a_rule_that_is_refused_is_stopped_for_that_device_alone(tmp_path: Path) -> None:
    text = BASE + '[[rule]]\nid = "bad"\nmatch = {}\n[rule.values]\n".X.Password" = "geheim"\n'
    async with serving(tmp_path, text) as app:
        desk, cpe = app.northbound.fleet.desk, cpe_of(app)
        cpe.hook = minds(PASSWORD)
        await cpe.session(("0 BOOTSTRAP", ""))
        assert cpe.values[NAME][0] == "ours", "the other rule has its effect"
        assert await desk.stopped(ADMIN) == []
        await cpe.session(("0 BOOTSTRAP", ""))
        (stopped,) = await desk.stopped(ADMIN)
        assert (stopped.device, stopped.rule, stopped.refusals) == (cpe.key, "bad", 2)
        assert "9007" in stopped.reason and "geheim" not in stopped.reason
        before = sets(cpe)
        for _ in range(3):
            await cpe.session(("0 BOOTSTRAP", ""))
        assert sets(cpe) == before, "a stopped rule is not tried"
        plan = await desk.plan(ADMIN, cpe.key)
        assert "stopped after 2 refusals" in plan.left_out["bad"]
        cpe.hook = None
        assert await desk.resume(ADMIN, cpe.key, "bad") == 1
        await cpe.until_quiet(("2 PERIODIC", ""))
        assert cpe.values[PASSWORD][0] == "geheim"
        assert await desk.stopped(ADMIN) == []
        with pytest.raises(NotFound, match="no rule is stopped"):
            await desk.resume(ADMIN, cpe.key)


async def test_a_device_that_does_not_keep_a_setting_is_left_alone(tmp_path: Path) -> None:
    text = '[[rule]]\nid = "base"\n[rule.match]\nevents = ["2 PERIODIC"]\n[rule.values]\n".X.Name" = "ours"\n'
    async with serving(tmp_path, text) as app:
        cpe = cpe_of(app)
        await cpe.session(("1 BOOT", ""))
        assert sets(cpe) == 0
        for _ in range(6):
            await cpe.until_quiet(("2 PERIODIC", ""))
            cpe.values[NAME] = ("factory", "xsd:string")
        (stopped,) = await app.northbound.fleet.desk.stopped(ADMIN)
        assert "does not keep Device.X.Name" in stopped.reason
        assert sets(cpe) == 3


async def test_a_password_is_given_once_though_it_reads_as_empty(tmp_path: Path) -> None:
    text = '[[rule]]\nid = "base"\n[rule.match]\n[rule.values]\n".X.Password" = { secret_file = "wifi" }\n'
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "wifi").write_text("geheim")
    (folder / "wifi").chmod(0o600)
    async with serving(tmp_path, text) as app:
        cpe = cpe_of(app)

        def hides(message: Message) -> Message | None:
            if isinstance(message, SetParameterValues):
                for parameter in message.parameter_list:
                    given.append(parameter.value)
                return None
            cpe.values[PASSWORD] = ("", "xsd:string")
            return None

        given: list[str] = []
        cpe.hook = hides
        await cpe.session(("0 BOOTSTRAP", ""))
        assert given == ["geheim"]
        await app.operations.request(ADMIN, cpe.key, "provision", {})
        await cpe.until_quiet(("2 PERIODIC", ""))
        assert given == ["geheim"], "it is noted that the device has it"
        await cpe.session(("0 BOOTSTRAP", ""))
        assert given == ["geheim", "geheim"], "a reset takes it away"
        view = await app.northbound.fleet.desk.plan(ADMIN, cpe.key)
        assert "geheim" not in repr(view)
        for operation in await provisionings(app, cpe):
            assert "geheim" not in repr(operation)


async def test_a_plan_shows_what_would_be_done_and_does_nothing(tmp_path: Path) -> None:
    text = BASE + '[[rule]]\nid = "booting"\n[rule.match]\nevents = ["1 BOOT"]\n[rule.values]\n".X.Boot" = 1\n'
    async with serving(tmp_path, text, provisioning={"devices_per_tick": 1, "at_once": 1}) as app:
        cpe = cpe_of(app)
        await cpe.session(("1 BOOT", ""))
        plan = await app.northbound.fleet.desk.plan(ADMIN, cpe.key)
        assert (plan.rules, plan.left_out, plan.unknown) == (("base",), {}, 0)
        booting = await app.northbound.fleet.desk.plan(ADMIN, cpe.key, events=["1 BOOT"])
        assert [each.name for each in booting.settings] == ["Device.X.Boot"] and booting.unknown == 1
        with pytest.raises(NotFound):
            await app.northbound.fleet.desk.plan(ADMIN, "nobody")


async def test_a_plan_of_credentials_makes_none(tmp_path: Path) -> None:
    text = '[[rule]]\nid = "own"\nmatch = { tags = ["x"] }\ncredentials = { cwmp = true }\n'
    async with serving(tmp_path, text, provisioning={"tick_s": 3600}) as app:
        cpe = cpe_of(app)
        await cpe.session(("1 BOOT", ""))
        async with app.store.transaction() as tx:
            await provision_store.add_tags(tx, cpe.key, ["x"], app.clock())
        plan = await app.northbound.fleet.desk.plan(ADMIN, cpe.key)
        assert {each.wanted for each in plan.settings} == {"(made then)", "(hidden)"}
        async with app.store.reading() as tx:
            for kind in (CredentialKind.CWMP, CredentialKind.CWMP_NEW):
                assert await device_store.get_credentials(tx, cpe.key, kind) is None


async def test_credentials_are_the_devices_own_and_sealed(tmp_path: Path) -> None:
    text = '[[rule]]\nid = "own"\nmatch = {}\ncredentials = { connection_request = true, cwmp = true }\n'
    async with serving(tmp_path, text) as app:
        server = "Device.ManagementServer."
        names = ("Username", "Password", "ConnectionRequestUsername", "ConnectionRequestPassword")
        cpe = cpe_of(app, **{f"{server}{name}": "" for name in names})
        await cpe.session(("0 BOOTSTRAP", ""))
        given = {name: cpe.values[f"{server}{name}"][0] for name in names}
        async with app.store.reading() as tx:
            own = await device_store.get_credentials(tx, cpe.key, CredentialKind.CONNECTION_REQUEST)
        assert own is not None
        assert (own.username, own.secret) == (given["ConnectionRequestUsername"], given["ConnectionRequestPassword"])
        assert given["Username"] and len(given["Password"]) >= 24 and given["Password"] != own.secret
        (done,) = await provisionings(app, cpe)
        assert given["Password"] not in repr(done) and own.secret not in repr(done)
        before = sets(cpe)
        await app.operations.request(ADMIN, cpe.key, "provision", {})
        await cpe.until_quiet(("2 PERIODIC", ""))
        assert sets(cpe) == before, "the same credentials are not set again"


async def test_tags_are_checked(tmp_path: Path) -> None:
    async with serving(tmp_path, BASE) as app:
        desk, cpe = app.northbound.fleet.desk, cpe_of(app)
        await cpe.session(("1 BOOT", ""))
        assert await desk.change_tags(ADMIN, cpe.key, add=["b", "a"]) == ["a", "b"]
        assert await desk.change_tags(ADMIN, cpe.key, remove=["a"]) == ["b"]
        assert await desk.tags(ADMIN, cpe.key) == ["b"] and await desk.tag_counts(ADMIN) == {"b": 1}
        with pytest.raises(InvalidInput, match="without blanks"):
            await desk.change_tags(ADMIN, cpe.key, add=["a b"])
        with pytest.raises(NotFound):
            await desk.change_tags(ADMIN, "nobody", add=["a"])


async def test_the_store_keeps_what_was_provisioned(app_on_both: App) -> None:
    now = app_on_both.clock()
    async with app_on_both.store.transaction() as tx:
        with pytest.raises(NotFound):
            await provision_store.add_tags(tx, "nobody", ["a"], now)
    key = opening(now).key
    await app_on_both.store.sessions.open(opening(now))
    async with app_on_both.store.transaction() as tx:
        assert await provision_store.add_tags(tx, key, ["b", "a", "a"], now) == ["a", "b"]
        assert await provision_store.add_tags(tx, key, ["a"], now) == []
        state = provision_store.ProvisionState(key, "digest", now, new_id(), {"Device.Password": "x"})
        await provision_store.put_state(tx, state)
        refusal = provision_store.RuleRefusal(key, "one", "d", 2, "9007", now, now)
        await provision_store.put_refusal(tx, refusal)
    async with app_on_both.store.transaction() as tx:
        assert await provision_store.tags_of(tx, [key, "nobody"]) == {key: frozenset({"a", "b"})}
        (candidate,) = await provision_store.candidates(tx, limit=10)
        assert (candidate.key, candidate.wanted, candidate.updated_at) == (key, "digest", now)
        assert await provision_store.candidates(tx, after=key) == []
        assert await provision_store.state_of(tx, key) == state
        assert await provision_store.refusals_of(tx, [key]) == await provision_store.stopped(tx) == [refusal]
        await provision_store.make_due(tx, key)
        assert await provision_store.clear_refusals(tx, key, ["two"]) == 0
        assert await provision_store.clear_refusals(tx, key) == 1
        assert await provision_store.remove_tags(tx, key, ["a", "c"]) == 1
        await provision_store.forget_state(tx, key)
        assert await provision_store.state_of(tx, key) is None
