"""`python -m tests.debian`: the Debian packages that some tests need; `make test` runs it first.

As root on Debian (or a relative) it installs what is missing. Anybody else is told which tests will skip and how to
install the packages. It never fails a run by itself: a test whose server is missing says so.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Package:
    """One package: the programs by which it is known to be there, and what skips without it."""

    name: str
    programs: tuple[str, ...]
    needed_by: str


_STREAM = "/usr/lib/nginx/modules/ngx_stream_module.so"
PACKAGES = (
    Package("postgresql", ("/usr/lib/postgresql/*/bin/initdb",), "the store on PostgreSQL"),
    Package("snmpd", ("snmpd",), "SNMP reads against net-snmp's agent"),
    Package("snmp", ("snmpget",), "our SNMP agent against net-snmp's tools"),
    Package("prosody", ("prosody",), "connection requests through a real XMPP server"),
    Package("nginx-light", ("nginx",), "the server behind nginx, and its TLS beside nginx's"),
    Package("libnginx-mod-stream", (_STREAM,), "the server behind nginx's TCP proxy"),
    Package("haproxy", ("haproxy",), "the server behind haproxy"),
    Package("iproute2", ("ip",), "pings over a link of their own"),
    Package("fping", ("fping",), "our pings against fping's figures"),
    Package("mtr-tiny", ("mtr",), "our traces against mtr's figures"),
    Package("dnsmasq-base", ("dnsmasq",), "DHCP and DNS probes against a real server"),
    Package("pppoe", ("pppoe-server",), "PPPoE discovery against a real concentrator"),
    Package("redmine", ("/usr/share/redmine/config/environment.rb",), "tickets in a real Redmine"),
    Package("redmine-sqlite", ("/usr/share/doc/redmine-sqlite",), "the database of that Redmine"),
    Package("ruby-webrick", ("/usr/share/rubygems-integration/all/gems/webrick-*",), "the web server of that Redmine"),
    Package("prometheus", ("promtool",), "the alert rules, checked by promtool"),
    Package("freeradius-utils", ("radclient",), "RADIUS accounting against FreeRADIUS's client"),
    Package("util-linux", ("setpriv",), "running a server as another user"),
)
#: Where Debian puts servers, which is not on everybody's PATH.
_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
_INSTALL = ("apt-get", "install", "--yes", "--quiet", "--no-install-recommends")


def missing(packages: Sequence[Package] = PACKAGES) -> list[Package]:
    """Return the packages of which no program is found."""
    return [package for package in packages if not any(_found(program) for program in package.programs)]


def main() -> int:
    """Install what is missing, or say what to do; always 0."""
    wanted = missing()
    if not wanted:
        return 0
    names = [package.name for package in wanted]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _install(names)
        wanted = missing()
    for package in wanted:
        print(f"tests that need {package.name} will skip: {package.needed_by}", file=sys.stderr)
    if wanted:
        command = " ".join(package.name for package in wanted)
        print(f"to run them, on Debian or Ubuntu: sudo apt-get install {command}", file=sys.stderr)
    return 0


def _found(program: str) -> bool:
    if "/" in program:
        return any(Path("/").glob(program.lstrip("/")))
    return shutil.which(program, path=_PATH) is not None


def _install(names: Sequence[str]) -> None:
    print(f"installing for the tests: {' '.join(names)}", file=sys.stderr)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (("apt-get", "update", "--quiet"), (*_INSTALL, *names)):
        try:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            print(f"{' '.join(command)}: {error}", file=sys.stderr)
            return
        if done.returncode != 0:
            print(f"{' '.join(command)} failed:\n{done.stderr.strip()[-2000:]}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
