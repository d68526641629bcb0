"""`secondline node`: access nodes, such as OLTs, and how to read them."""

from pathlib import Path
from urllib.parse import quote

import click

from cli import output
from cli.client import connect, read_token
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
        known = client.put(f"/access-nodes/{quote(name, safe='')}", body)
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
