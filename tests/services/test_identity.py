"""Who a CPE is, over real sockets: counted nonces, names, credentials of its own, quarantine, clones, redirects."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from acs.cwmp import auth
from acs.errors import Conflict
from acs.services.alarms import CLONED, MISMATCH, SHARED_USED
from acs.services.clock import utc_now
from acs.store import devices
from acs.store.devices import CredentialKind
from acs.store.records import Credentials
from tests.fakes.acs_server import ACTOR, Running, config_for, running, start
from tests.fakes.cpe import Cpe, Dropped, Http, Response
from tests.store.make import nonce_counts

PERIODIC = ("2 PERIODIC", "")
BOOTSTRAP = ("0 BOOTSTRAP", "")
PASSWORD = "enrol secret"


def config(folder: Path, **cwmp: Any) -> Any:
    (folder / "enrol").write_text(PASSWORD + "\n")
    (folder / "enrol").chmod(0o600)
    base = {"auth": "digest", "enrol_username": "enrol", "enrol_password_file": "enrol"}
    return config_for(folder, cwmp={**base, **cwmp})


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(config(tmp_path)) as server:
        yield server


async def inform(
    server: Running, header: str | None = None, cpe: Cpe | None = None, http: Http | None = None
) -> Response:
    http = http or Http(server.port)
    headers = {} if header is None else {"Authorization": header}
    try:
        return await http.post((cpe or Cpe(server.port)).inform(PERIODIC), headers)
    finally:
        await http.close()


async def challenge(server: Running, cpe: Cpe | None = None) -> auth.Challenge:
    response = await inform(server, cpe=cpe)
    assert response.status == 401
    return auth.parse_challenge(response.headers["www-authenticate"])


def answer(found: auth.Challenge, *, nc: int = 1, user: str = "enrol", password: str = PASSWORD) -> str:
    return auth.answer(found, "POST", "/", user, password, "c0ffee", nc)


async def alarm_kinds(server: Running) -> list[str]:
    for _ in range(3000):
        found = await server.alarms.list(ACTOR, active=True)
        if found:
            return [each.kind for each in found]
        await asyncio.sleep(0.02)
    return []


# Nonces


async def test_an_answer_that_comes_twice_is_stale_and_a_higher_count_is_taken(server: Running) -> None:
    found = await challenge(server)
    assert (await inform(server, answer(found))).status == 200
    again = await inform(server, answer(found))
    assert again.status == 401
    assert auth.parse_challenge(again.headers["www-authenticate"]).stale
    assert (await inform(server, answer(found, nc=2))).status == 200
    assert (await inform(server, answer(found, nc=2))).status == 401


async def test_each_challenge_has_a_nonce_of_its_own(server: Running) -> None:
    assert (await challenge(server)).nonce != (await challenge(server)).nonce


async def test_the_count_of_a_later_post_is_used_up_too(server: Running) -> None:
    found = await challenge(server)
    cpe, http = Cpe(server.port), Http(server.port)
    assert (await http.post(cpe.inform(PERIODIC), {"Authorization": answer(found)})).status == 200
    assert (await http.post(b"", {"Authorization": answer(found, nc=2)})).status == 204
    assert (await inform(server, answer(found, nc=2))).status == 401
    assert (await inform(server, answer(found, nc=3))).status == 200
    await http.close()


async def test_processes_share_what_was_used(server: Running) -> None:
    other = await start(replace_port(server))
    try:
        found = await challenge(server)
        cpe, http = Cpe(other.port), Http(other.port)
        assert (await http.post(cpe.inform(PERIODIC), {"Authorization": answer(found)})).status == 200
        assert (await http.post(b"", {"Authorization": answer(found, nc=2)})).status == 204
        await http.close()
        await other.endpoint.auth.counts.close()
        for count in (1, 2):
            assert (await inform(server, answer(found, nc=count))).status == 401
        assert (await inform(server, answer(found, nc=3))).status == 200
    finally:
        await other.stop()


def replace_port(server: Running) -> Any:
    return server.config.model_copy(update={"cwmp": server.config.cwmp.model_copy(update={"port": 0})})


async def test_of_two_that_answer_alike_at_once_one_comes_in(server: Running) -> None:
    found = await challenge(server)
    header = answer(found)
    responses = await asyncio.gather(*(inform(server, header, Cpe(0, serial=f"S{n}")) for n in range(8)))
    assert sorted(each.status for each in responses) == [200] + [401] * 7


async def test_a_cpe_that_never_counts_comes_in_by_a_quirk_of_its_profile(tmp_path: Path) -> None:
    folder = tmp_path / "profiles"
    folder.mkdir()
    (folder / "stuck.toml").write_text(
        'quirks = ["nonce_count_fixed"]\n[profile]\nid = "stuck"\nkind = "ont"\ntitle = "Stuck"\n'
        '[match]\nroot = "Device."\nproduct_class = ["STUCK"]\n'
    )
    async with running(config(tmp_path).model_copy(update={"profiles": profiles_in(folder)})) as server:
        stuck = Cpe(0, product_class="STUCK")
        found = await challenge(server, stuck)
        for _ in range(3):
            assert (await inform(server, answer(found), stuck)).status == 200
        await inform(server, answer(found), Cpe(0))
        assert (await inform(server, answer(found), Cpe(0))).status == 401


def profiles_in(folder: Path) -> Any:
    from acs.config import ProfilesSection  # noqa: PLC0415 - only here

    return ProfilesSection.model_construct(directory=folder)


@pytest.mark.parametrize(
    ("changes", "once"),
    [({}, False), ({"qop": None}, True), ({"algorithm": "MD5-sess"}, False), ({"algorithm": "SHA-256"}, False)],
)
async def test_every_form_of_digest_is_verified(server: Running, changes: dict[str, Any], once: bool) -> None:
    found = replace(await challenge(server), **changes)
    assert (await inform(server, answer(found))).status == 200
    assert (await inform(server, answer(found, nc=2))).status == (401 if once else 200)
    assert (await inform(server, answer(found, nc=3, password="wrong"))).status == 401


async def test_sha_256_is_offered_where_it_is_wanted(tmp_path: Path) -> None:
    async with running(config(tmp_path, offer_sha256=True)) as server:
        http = Http(server.port)
        await http.send(http.request(Cpe(0).inform(PERIODIC)))
        assert http._reader is not None
        head = (await http._reader.readuntil(b"\r\n\r\n")).decode()
        offered = [line for line in head.split("\r\n") if line.lower().startswith("www-authenticate")]
        assert ["algorithm=MD5" in offered[0], "algorithm=SHA-256" in offered[1]] == [True, True]
        await http.close()


@pytest.mark.parametrize("nc", ["0", "zz", "-1", "ffffffffffffffffffff"])
async def test_a_count_that_is_none_is_refused(server: Running, nc: str) -> None:
    found = await challenge(server)
    assert (await inform(server, answer(found).replace("nc=00000001", f"nc={nc}"))).status == 401


async def test_old_nonces_are_forgotten(server: Running) -> None:
    found = await challenge(server)
    await inform(server, answer(found))
    await server.endpoint.auth.counts.forget_old(utc_now().timestamp() + 1000, 300)
    async with server.store.reading() as tx:
        assert auth.Nonces.id_of(found.nonce) not in await nonce_counts(tx)


# Names


@pytest.mark.parametrize("name", ["001122-ONT-TEST0001", "001122-TEST0001", "001122-%4FNT-TEST0001"])
async def test_the_enrolment_password_may_come_with_the_devices_own_name(tmp_path: Path, name: str) -> None:
    async with running(config(tmp_path, enrol_by_device_name=True)) as server:
        assert (await inform(server, answer(await challenge(server), user=name))).status == 200
        assert (await inform(server, answer(await challenge(server), user=name), Cpe(0, serial="OTHER"))).status == 401
        assert MISMATCH in await alarm_kinds(server)


async def test_without_leave_the_devices_own_name_is_no_user_name(server: Running) -> None:
    assert (await inform(server, answer(await challenge(server), user="001122-ONT-TEST0001"))).status == 401


async def test_an_own_credential_is_good_for_its_device_alone(server: Running) -> None:
    own = Cpe(server.port, username="enrol", password=PASSWORD)
    await own.session(PERIODIC)
    async with server.store.transaction() as tx:
        await devices.set_credentials(tx, own.key, CredentialKind.CWMP, Credentials("u", "p"), utc_now())
    server.endpoint.auth.forget()
    assert (await inform(server, answer(await challenge(server), user="u", password="p"))).status == 200
    other = Cpe(0, serial="OTHER")
    assert (await inform(server, answer(await challenge(server), user="u", password="p"), other)).status == 401
    assert await alarm_kinds(server) == [MISMATCH]


# Credentials of its own


class Keeper(Cpe):
    """A CPE that takes over the credentials that it is told."""

    def take_over(self) -> None:
        server = f"{self.root}ManagementServer."
        if f"{server}Password" in self.values:
            self.username = self.values[f"{server}Username"][0]
            self.password = self.values[f"{server}Password"][0]


async def test_a_device_is_given_a_credential_and_the_shared_one_is_refused_once_it_was_used(tmp_path: Path) -> None:
    async with running(config(tmp_path, own_credentials=True)) as server:
        cpe = Keeper(server.port, username="enrol", password=PASSWORD)
        await cpe.session(BOOTSTRAP)
        cpe.take_over()
        assert cpe.username == cpe.key
        assert len(cpe.password) >= 32
        shared = Cpe(server.port, username="enrol", password=PASSWORD)
        await shared.session(PERIODIC)  # not proven yet: the device may have lost it
        await cpe.session(PERIODIC)
        with pytest.raises(Dropped):
            await shared.session(PERIODIC)
        await cpe.session(PERIODIC)
        assert await alarm_kinds(server) == [SHARED_USED]
        await server.identity.remove_credentials(ACTOR, cpe.key)
        await shared.session(PERIODIC)


async def test_a_session_that_breaks_while_it_is_told_locks_nobody_out(tmp_path: Path) -> None:
    async with running(config(tmp_path, own_credentials=True)) as server:
        cpe = Keeper(server.port, username="enrol", password=PASSWORD)
        cpe.hook = lambda _message: (_ for _ in ()).throw(Dropped("it broke"))
        with pytest.raises(Dropped):
            await cpe.session(BOOTSTRAP)
        cpe.hook = None
        await cpe.session(PERIODIC)
        cpe.take_over()
        assert cpe.username == cpe.key
        await cpe.session(PERIODIC)


async def test_a_credential_is_renewed_while_the_old_one_is_good(tmp_path: Path) -> None:
    async with running(config(tmp_path, own_credentials=True)) as server:
        cpe = Keeper(server.port, username="enrol", password=PASSWORD)
        await cpe.session(BOOTSTRAP)
        cpe.take_over()
        await cpe.session(PERIODIC)
        first = cpe.password
        await server.identity.renew_credentials(ACTOR, cpe.key)
        await cpe.session(PERIODIC)
        await cpe.session(PERIODIC)  # it did not take it over yet
        await server.identity.renew_credentials(ACTOR, cpe.key)
        await cpe.session(PERIODIC)  # told again, and the same: what it was told before must still let it in
        cpe.take_over()
        assert cpe.password != first
        await cpe.session(PERIODIC)
        cpe.password = first
        with pytest.raises(Dropped):
            await cpe.session(PERIODIC)


# Quarantine


async def test_a_device_in_quarantine_is_only_recorded_until_somebody_admits_it(tmp_path: Path) -> None:
    cwmp = {"auth": "open", "enrolment": "quarantine", "first_contact": {"enabled": True}, "own_credentials": True}
    async with running(config_for(tmp_path, cwmp=cwmp)) as server:
        noticed: list[str] = []
        server.sessions.parts.noticed = lambda device, _new: noticed.append(device.key)
        cpe = Cpe(server.port)
        await cpe.session(BOOTSTRAP)
        await cpe.session(("1 BOOT", ""))
        assert cpe.asked == []
        assert noticed == []
        with pytest.raises(Conflict, match="in quarantine"):
            await server.operations.request(ACTOR, cpe.key, "reboot", {})
        assert [each.device for each in await server.identity.quarantined(ACTOR)] == [cpe.key]
        await server.identity.admit(ACTOR, cpe.key, "seen on its line")
        await server.operations.request(ACTOR, cpe.key, "get", {"names": ["Device.DeviceInfo.UpTime"]})
        await cpe.session(PERIODIC)
        assert cpe.asked
        with pytest.raises(Conflict):
            await server.identity.admit(ACTOR, cpe.key)


async def test_operations_wait_while_a_device_is_in_quarantine(tmp_path: Path) -> None:
    async with running(config_for(tmp_path)) as server:
        cpe = Cpe(server.port)
        await cpe.session(PERIODIC)
        await server.operations.request(ACTOR, cpe.key, "get", {"names": ["Device.DeviceInfo.UpTime"]})
        await server.identity.quarantine(ACTOR, cpe.key, "it behaves oddly")
        await cpe.session(PERIODIC)
        assert cpe.asked == []
        await server.identity.admit(ACTOR, cpe.key)
        await cpe.session(PERIODIC)
        assert len(cpe.asked) == 1


async def test_a_rule_admits_what_it_matches(tmp_path: Path) -> None:
    rule = {"oui": ["001122"], "product_class": ["o*"], "networks": ["127.0.0.0/8"]}
    cwmp = {"auth": "open", "enrolment": "quarantine", "admit": [rule]}
    async with running(config_for(tmp_path, cwmp=cwmp)) as server:
        await Cpe(server.port).session(PERIODIC)
        await Cpe(server.port, product_class="STB").session(PERIODIC)
        assert [each.device for each in await server.identity.quarantined(ACTOR)] == ["001122-STB-TEST0001"]
        await server.identity.quarantine(ACTOR, Cpe(0).key)
        await Cpe(server.port).session(PERIODIC)  # the rule lets it out again: it is stronger than a person
        assert [each.device for each in await server.identity.quarantined(ACTOR)] == ["001122-STB-TEST0001"]


async def test_strangers_are_refused_where_the_policy_says_so(tmp_path: Path) -> None:
    networks = [{"network": "127.0.0.0/8", "enrolment": "refuse"}]
    async with running(config_for(tmp_path, cwmp={"networks": networks})) as server:
        assert (await inform(server)).status == 403
        async with server.store.reading() as tx:
            assert await devices.get(tx, Cpe(0).key) is None


async def test_a_profiles_policy_comes_before_that_of_the_network(tmp_path: Path) -> None:
    policies = [{"profile": "generic-tr181", "auth": "digest"}, {"profile": "generic-tr098", "auth": "certificate"}]
    async with running(config(tmp_path, auth="open", profiles=policies)) as server:
        assert (await inform(server)).status == 401
        assert (await inform(server, answer(await challenge(server)))).status == 200
        old = Cpe(0, root="InternetGatewayDevice.")
        assert (await inform(server, answer(await challenge(server)), old)).status == 403


# Clones


async def test_a_cloned_identity_raises_one_alarm(tmp_path: Path) -> None:
    async with running(config_for(tmp_path)) as server:
        first = Cpe(server.port, uptime_base_s=10_000.0)
        second = Cpe(server.port, uptime_base_s=90_000.0)
        for cpe in (first, second, first, second):
            await cpe.session(PERIODIC)
        assert await alarm_kinds(server) == [CLONED]
        (alarm,) = await server.alarms.list(ACTOR)
        assert alarm.subject == f"device:{first.key}"
        assert "booted at" in str(alarm.detail["why"])
        cleared = await server.alarms.clear(ACTOR, alarm.id)
        assert cleared.cleared_by == ACTOR.name
        assert await server.alarms.list(ACTOR, active=True) == []
        with pytest.raises(Conflict):
            await server.alarms.clear(ACTOR, alarm.id)


async def test_a_device_that_reboots_is_no_clone(tmp_path: Path) -> None:
    async with running(config_for(tmp_path)) as server:
        cpe = Cpe(server.port)
        for base in (10_000.0, 0.0, 500.0, 0.0):
            cpe.uptime_base_s = base
            await cpe.session(PERIODIC)
        await asyncio.sleep(0.05)
        assert await server.alarms.list(ACTOR) == []


# Redirects, limits


@pytest.mark.parametrize("status", [302, 307])
async def test_a_network_is_sent_to_another_server(tmp_path: Path, status: int) -> None:
    networks = [{"network": "127.0.0.0/8", "redirect": "http://acs2.example:7547/x", "redirect_status": status}]
    async with running(config_for(tmp_path, cwmp={"networks": networks})) as server:
        response = await inform(server)
        assert response.status == status
        assert response.headers["location"] == "http://acs2.example:7547/x"
        assert response.body == b""


async def test_wrong_passwords_make_wait_and_others_are_not_held_up(tmp_path: Path) -> None:
    guard = {"failures": 3, "delay_s": 30.0}
    async with running(config(tmp_path, guard=guard)) as server:
        for _ in range(3):
            assert (await inform(server, answer(await challenge(server), user="thief", password="x"))).status == 401
        held = await inform(server, answer(await challenge(server), user="thief", password="x"))
        assert held.status == 503
        assert int(held.headers["retry-after"]) >= 29
        assert (await inform(server, answer(await challenge(server)))).status == 200


async def test_a_device_that_comes_too_often_is_put_off(tmp_path: Path) -> None:
    async with running(config_for(tmp_path, cwmp={"guard": {"informs_per_device": 2}})) as server:
        statuses = [(await inform(server)).status for _ in range(4)]
        assert statuses.count(503) >= 1  # two in each minute: the minute may change in between
        assert (await inform(server, cpe=Cpe(0, serial="OTHER"))).status == 200
