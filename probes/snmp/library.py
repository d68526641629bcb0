"""The reading library (gufo-snmp) and nothing of ours: one socket to one agent, its errors as ProbeError kinds.

Two habits of the library are why this file is as it is. It hides the error status, so "too big", "general error" and
"nothing follows" look the same: each datagram is looked at before the library takes it, and `said` reads it with our
own codec where an answer was empty or short. And a walk's question and the root that its answer is held against may be
two different iterators, which lets a walk go on from any OID with any number of repetitions.
"""

import asyncio
import ipaddress
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from gufo.snmp import (
    Aes128Key,
    Aes192Key,
    Aes256Key,
    DesKey,
    Md5Key,
    Sha1Key,
    Sha224Key,
    Sha256Key,
    Sha384Key,
    Sha512Key,
    SnmpAuthError,
    SnmpError,
    SnmpVersion,
    User,
)
from gufo.snmp._fast import GetIter
from gufo.snmp.aio import SnmpSession

from probes.errors import NoSuchHost, ProbeRefused, ProbeUnreadable
from probes.snmp.ber import MalformedMessage
from probes.snmp.target import Oid, SnmpTarget, Value, Version
from probes.snmp.wire import Response, response

_AUTH = {
    "md5": Md5Key,
    "sha": Sha1Key,
    "sha224": Sha224Key,
    "sha256": Sha256Key,
    "sha384": Sha384Key,
    "sha512": Sha512Key,
}
_PRIVACY = {"des": DesKey, "aes128": Aes128Key, "aes192": Aes192Key, "aes256": Aes256Key}
_LIBRARY_VERSION = {Version.V1: SnmpVersion.v1, Version.V2C: SnmpVersion.v2c, Version.V3: SnmpVersion.v3}
_Answer = TypeVar("_Answer")
#: the longest datagram
_DATAGRAM = 65_535

#: rows of one answer; None stands for a value of no kind (NULL)
Rows = list[tuple[Oid, Value | None]]


class Library:
    """One socket to one agent, one request at a time."""

    def __init__(self, target: SnmpTarget, address: str) -> None:
        self._session = _Session(
            address,
            target.port,
            community=target.community,
            user=_library_user(target),
            version=_LIBRARY_VERSION[target.version],
        )

    def close(self) -> None:
        """Let the socket go."""
        self._session.watch.close()

    def said(self) -> Response | None:
        """The last answer as it came, with its error; None where it cannot be read (SNMPv3 hides it)."""
        try:
            return response(self._session.seen)
        except MalformedMessage:
            return None

    async def discover(self) -> None:
        """SNMPv3: ask the agent for its engine, its clock, and whether it takes the user."""
        await self._session.refresh()

    async def get(self, oids: Sequence[Oid]) -> dict[Oid, Value | None]:
        """What the answer holds, whatever it is; empty also where the agent answered with an error."""
        return await self._session.get_many(oids)

    async def next_rows(self, after: Oid, repetitions: int) -> Rows:
        """The rows of one GETBULK behind an OID (0 repetitions: of one GETNEXT), below whatever root.

        Empty at the end of the agent's MIB, and also where it answered with an error.
        """
        try:
            if repetitions == 0:
                return [await self._session.one_after(GetIter(after), _everything(after))]
            return await self._session.many_after(GetIter(after, repetitions), _everything(after))
        except StopAsyncIteration:
            return []


class _Session(SnmpSession):
    """The library's session, with walks that take whole answers: row by row costs twice the CPU."""

    def __init__(self, address: str, port: int, *, community: str, user: User | None, version: SnmpVersion) -> None:
        super().__init__(address, port, community=community, user=user, version=version)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.watch = socket.socket(family, socket.SOCK_DGRAM, 0, fileno=os.dup(self._fd))
        self.seen = b""

    async def _recv(self, receiver: Callable[[], _Answer]) -> _Answer:
        """The library's answer, once one has come; the deadline is the caller's."""
        loop = asyncio.get_running_loop()
        while True:
            readable: asyncio.Future[None] = loop.create_future()
            loop.add_reader(self._fd, _settle, readable)
            try:
                await readable
                self.seen = self.watch.recv(_DATAGRAM, socket.MSG_PEEK)
                return receiver()
            except BlockingIOError:
                continue
            finally:
                loop.remove_reader(self._fd)

    async def one_after(self, position: GetIter, seen: GetIter) -> tuple[Oid, Value | None]:
        await self._send(lambda: self._sock.send_get_next(position))
        return await self._recv(lambda: self._sock.recv_get_next(seen))

    async def many_after(self, position: GetIter, seen: GetIter) -> Rows:
        await self._send(lambda: self._sock.send_get_bulk(position))
        batch = await self._recv(lambda: self._sock.recv_get_bulk(seen))
        return [row for row in batch if row is not None]


def _everything(after: Oid) -> GetIter:
    """The root under which every OID of an answer is given out, so that we see where an agent went: 1.3, or 1.0."""
    return GetIter(".".join(after.split(".")[:2]))


def _settle(readable: asyncio.Future[None]) -> None:
    if not readable.done():
        readable.set_result(None)


@contextmanager
def translated(target: SnmpTarget) -> Iterator[None]:
    """Library errors as ProbeError kinds; TimeoutError passes, for the caller counts tries."""
    try:
        yield
    except TimeoutError:
        raise
    except SnmpAuthError as error:
        raise ProbeRefused(f"{target} refuses the SNMP user; check its name, passwords and protocols") from error
    except SnmpError as error:
        raise ProbeUnreadable(f"{target} answered what is no SNMP answer: {error}") from error
    except (OSError, ValueError) as error:
        raise ProbeRefused(f"SNMP to {target} cannot be sent: {error}; check address and credentials") from error
    except BaseException as error:
        # The library is Rust: some malformed answers make it panic, which arrives as a BaseException of a type that
        # cannot be imported. One datagram from anywhere must not end the event loop.
        if type(error).__name__ != "PanicException":
            raise
        raise ProbeUnreadable(f"{target} answered with bytes that no SNMP library reads") from error


async def resolve(target: SnmpTarget) -> str:
    """The target's address in numbers; names are asked of the resolver without blocking the loop.

    Raises:
        NoSuchHost: the name has no address.
    """
    try:
        return str(ipaddress.ip_address(target.address))
    except ValueError:
        pass
    try:
        async with asyncio.timeout(target.timeout_s):
            found = await asyncio.get_running_loop().getaddrinfo(target.address, None, type=socket.SOCK_DGRAM)
    except (OSError, TimeoutError) as error:
        raise NoSuchHost(
            f"the name {target.address[:120]} has no address; check it or write the address itself"
        ) from error
    return str(found[0][4][0])


def _library_user(target: SnmpTarget) -> User | None:
    if target.version is not Version.V3:
        return None
    if target.user is None:
        raise ValueError("SNMPv3 needs a user")
    user = target.user
    return User(
        user.name,
        auth_key=_AUTH[user.auth](user.auth_password.encode()) if user.auth_password else None,
        priv_key=_PRIVACY[user.privacy](user.privacy_password.encode()) if user.privacy_password else None,
    )
