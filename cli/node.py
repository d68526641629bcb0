"""`secondline node`: access nodes, such as OLTs, and how to read them."""

from pathlib import Path

import click

from cli import output
from cli.client import connect, read_token, segment
from cli.options import server_options
from cli.texts import _


@click.group(help=_("Access nodes, such as OLTs."))
def node() -> None:
    """Group of the node commands."""


@node.command("set", help=_("Create or change an access node."))
@click.argument("name")
@click.option("--address", required=True, help=_("IP address of its SNMP agent."))
@click.option("--port", type=click.IntRange(1, 65535), default=161, show_default=True)
@click.option("--profile", help=_("Profile of its family; else it is found by sysObjectID."))
@click.option(
    "--community-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help=_("File with the SNMP community; a secret is never an argument."),
)
@server_options
def set_node(
    name: str,
    address: str,
    port: int,
    profile: str | None,
    community_file: Path | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """Create or change an access node."""
    body: dict[str, object] = {"address": address, "port": port}
    if profile is not None:
        body["profile"] = profile
    if community_file is not None:
        body["community"] = read_token(community_file)
    with connect(url, token_file) as client:
        known = client.put(f"/access-nodes/{segment(name)}", body)
    if as_json:
        output.print_json(known)
    else:
        output.print_line(_("Access node {name} is at {address}.").format(name=name, address=f"{address}:{port}"))


@node.command("list", help=_("List access nodes."))
@server_options
def list_nodes(url: str | None, token_file: Path | None, as_json: bool) -> None:
    """List access nodes."""
    with connect(url, token_file) as client:
        nodes = client.get("/access-nodes")
    if as_json:
        output.print_json(nodes)
        return
    rows = [[n.get("name"), n.get("address"), n.get("port"), n.get("profile")] for n in output.items(nodes)]
    output.print_table([_("name"), _("address"), _("port"), _("profile")], rows)


@node.command("discover", help=_("Look at a whole node now: what is there, and what the inventory says otherwise."))
@click.argument("name")
@click.option("--place", is_flag=True, help=_("Fill in the places of lines that name their ONT and have none."))
@server_options
def discover(name: str, place: bool, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Look at a whole node."""
    with connect(url, token_file) as client, output.progress(_("Reading the node…"), quiet=as_json):
        found = client.post(f"/access-nodes/{segment(name)}/discover" + ("?place=true" if place else ""))
    if as_json:
        output.print_json(found)
        return
    text = _("{name}: {count} seen, {online} online.").format(
        name=name, count=found["endpoints"], online=found["online"]
    )
    output.print_line(text)
    if found["problem"]:
        output.print_note(found["problem"])
    for line in found["placed"]:
        output.print_line(_("Line {line} has its place now.").format(line=line))
    _show_disagreements(found["disagreements"])


@node.command("disagreements", help=_("What nodes show and the inventory says otherwise."))
@click.option("--node", "name", help=_("Only of this access node."))
@server_options
def disagreements(name: str | None, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """List disagreements."""
    with connect(url, token_file) as client:
        found = client.get("/access-disagreements", node=name)
    if as_json:
        output.print_json(found)
    else:
        _show_disagreements(output.items(found))


@node.command("find", help=_("Where the serial of an ONT, or a MAC, was last seen."))
@click.argument("key")
@server_options
def find(key: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Find an ONT or a MAC."""
    with connect(url, token_file) as client:
        found = client.get("/access-endpoints", key=key)
    if as_json:
        output.print_json(found)
        return
    names = ("node", "frame", "slot", "port", "ont", "state", "line")
    rows = [[*(one.get(name) for name in names), output.instant(one.get("seen_at"))] for one in output.items(found)]
    columns = [_("node"), _("frame"), _("slot"), _("port"), "ONT", _("state"), _("line"), _("seen")]
    output.print_table(columns, rows)


@node.command("locate", help=_("Which line stands where DHCP option 82 says: text, or hexadecimal with 0x before it."))
@click.argument("circuit")
@click.option("--remote", default="", help=_("The remote id."))
@server_options
def locate(circuit: str, remote: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Find the line of a circuit id."""
    with connect(url, token_file) as client:
        found = client.get("/access-places", circuit=circuit, remote=remote)
    if as_json:
        output.print_json(found)
        return
    place = found["place"]
    names = ("frame", "slot", "port", "ont", "vlan")
    row = [found["node"] or place["node"] or place["mac"], *(place[name] for name in names), found["line"]]
    output.print_table([_("node"), _("frame"), _("slot"), _("port"), "ONT", "VLAN", _("line")], [row])
    if not found["node"]:
        output.print_note(_("No access node has this name or MAC; look at the node once with: node discover NODE."))


@node.command("polls", help=_("The last round over each node."))
@server_options
def polls(url: str | None, token_file: Path | None, as_json: bool) -> None:
    """List rounds."""
    with connect(url, token_file) as client:
        found = client.get("/access-polls")
    if as_json:
        output.print_json(found)
        return
    rows = [
        [
            one.get("node"),
            output.instant(one.get("polled_at")),
            one.get("endpoints"),
            one.get("online"),
            one.get("asked"),
            one.get("problem"),
        ]
        for one in output.items(found)
    ]
    output.print_table([_("node"), _("when"), _("seen"), _("online"), _("questions"), _("problem")], rows)


def _show_disagreements(found: list[dict[str, object]]) -> None:
    rows = [[one.get("node"), one.get("kind"), one.get("subject"), one.get("detail")] for one in found]
    output.print_table([_("node"), _("what"), _("of"), _("detail")], rows)
