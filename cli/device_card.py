"""The card of a device on the screen. The rule: what is stale is grey, and what is not there says why.

Every value of the API's card is shown or named; of wide tables a person sees the columns of COLUMNS, or all of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cli import output
from cli.card import duration, in_language, measured
from cli.card_notes import note_of, source_of
from cli.texts import N_, _

#: table → the columns that a person looks at
COLUMNS: Mapping[str, str] = {
    "wan": "name kind status address gateway login concentrator dhcp_status last_error vlan mtu_bytes uptime_s",
    "ports": "name role link speed_mbit duplex crc_errors rx_errors tx_errors rx_discards tx_discards",
    "radios": "band_ghz up channel auto_channel width_mhz standard power_pct util_pct noise_dbm",
    "ssids": "ssid band_ghz up hidden security clients channel",
    "stations": "name mac address ssid band_ghz signal_dbm snr_db down_mbit up_mbit retrans_pct",
    "neighbours": "ssid bssid band_ghz channel signal_dbm",
    "hosts": "name mac address active conn signal_dbm",
    "voip_lines": "name number status registered in_call server last_error loss_pct jitter_ms",
    "streams": "service channel status loss_before_pct loss_pct underruns continuity_errors lost_frames decoder_errors"
    " zap_ms",
}

#: why a device started anew → what a person reads
CAUSES: Mapping[str, str] = {
    "asked": N_("reboot from here"),
    "other_acs": N_("reboot by another ACS"),
    "reset": N_("factory reset"),
    "firmware": N_("new firmware"),
    "power": N_("loss of power, as the access node saw"),
    "local": N_("at the device, as it says itself"),
    "first_contact": N_("first contact"),
    "not_asked": N_("nobody asked for it: power, reset button or crash"),
}

#: why a value is not there → what a person reads, in the order in which it is told
MISSING: Mapping[str, str] = {
    "not_read": N_("Not read yet"),
    "not_reported": N_("Not reported by this model"),
    "not_known": N_("No parameter known for it"),
}

#: starts and rows of a table that are shown
REBOOTS, ROWS = 6, 24

#: sources whose notes are parameter paths: --json has them
_READ = frozenset({"cpe", "cwmp", "access node"})

Cell = tuple[str, str]


def print_device_card(card: Mapping[str, Any], *, full: bool = False) -> None:
    """Write a card of the API."""
    _head(card)
    for section in card["sections"]:
        _section(section, full=full)
        if section["name"] == "health":
            _reboots(card["reboots"])


def _head(card: Mapping[str, Any]) -> None:
    output.print_line(str(card["device"]), style="bold")
    if card["profile"] is None:
        output.print_line(_("No profile: not even the data model of this device is known."), style="yellow")
        return
    output.print_line(_("Profile: {title} ({id})").format(title=card["profile_title"], id=card["profile"]))
    if not card["proven"]:
        text = _("Unproven profile: no real device of it was ever held against it; take its values with care.")
        output.print_line(text, style="yellow")
    for defect in card["defects"]:
        text = _("Known defect of this firmware: {title} ({source})")
        output.print_line(text.format(title=in_language(defect["title"]), source=defect["source"]), style="red")


def _section(section: Mapping[str, Any], *, full: bool) -> None:
    output.print_line()
    output.print_line(in_language(section["title"]), style="bold cyan")
    rows = [row for value in section["values"] if (row := _row(value)) is not None]
    if rows:
        output.print_grid(rows)
    for table in section["tables"]:
        _table(table, full=full)
    for line in _missing(section):
        output.print_line(f"  {line}", style="dim")


def _row(value: Mapping[str, Any]) -> list[Cell] | None:
    """Title, value, age, source and note of a value; None for one that is only named among the missing."""
    state = value["state"]
    if value["name"] == "defects" and state == "not_known":
        return [(f"  {in_language(value['title'])}", "dim"), (_("nobody keeps a list of this model's"), "dim")]
    if state in MISSING:
        return None
    style = "dim" if state == "stale" else "red" if state == "unreadable" else ""
    text = measured(value["value"], value["unit"])
    if state == "unreadable":
        text = _("unreadable: {raw}").format(raw=value["raw"])
    elif value["name"].endswith("_at"):
        text = output.instant(value["value"]) or ""
    elif value["name"] == "defects":
        text = _("none") if value["value"] == "none" else _("see above")
    return [
        (f"  {in_language(value['title'])}", style or "dim"),
        (text, style),
        (_age(value["age_s"], stale=state == "stale"), style or "dim"),
        (source_of(value["source"]), style or "dim"),
        ("" if value["source"] in _READ else note_of(value["note"]), style or "dim"),
    ]


def _table(table: Mapping[str, Any], *, full: bool) -> None:
    if table["state"] != "ok":
        return
    title = in_language(table["title"])
    rows = table["rows"]
    if not rows:
        output.print_line(f"  {title}: " + _("none"))
        return
    cells = [cell for row in rows for cell in row["cells"].values()]
    oldest = max((cell["age_s"] for cell in cells), default=0.0)
    stale = any(cell["state"] == "stale" for cell in cells)
    sources = ", ".join(dict.fromkeys(row["source"] for row in rows))
    output.print_line(f"  {title} ({_age(oldest, stale=stale)}, {sources})", style="dim" if stale else None)
    columns = [column for column in _shown_columns(table, full=full) if _is_told(column["name"], rows)]
    heads = [in_language(column["title"]) for column in columns]
    body = [[_cell(row["cells"].get(column["name"]), column["unit"]) for column in columns] for row in rows[:ROWS]]
    output.print_grid(body, heads=heads, indent=4)
    if len(rows) > ROWS:
        output.print_line("    " + _("… and {count} more; --json has all of them").format(count=len(rows) - ROWS))


def _shown_columns(table: Mapping[str, Any], *, full: bool) -> Iterator[Mapping[str, Any]]:
    wanted = COLUMNS.get(table["name"], "").split()
    return (column for column in table["columns"] if full or not wanted or column["name"] in wanted)


def _is_told(column: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    return any(column in row["cells"] for row in rows)


def _cell(cell: Mapping[str, Any] | None, unit: str) -> Cell:
    if cell is None:
        return "", ""
    if cell["state"] == "unreadable":
        return f"? {cell['raw']}", "red"
    value = cell["value"]
    if isinstance(value, bool):
        value = _("yes") if value else _("no")
    return measured(value, unit), "dim" if cell["state"] == "stale" else ""


def _missing(section: Mapping[str, Any]) -> Iterator[str]:
    """One line per reason: what of the section is not there."""
    things = [value for value in section["values"] if value["name"] != "defects"]
    things += [*(table for table in section["tables"] if table["state"] != "ok")]
    things += [
        {**column, "title": {"": f"{in_language(table['title'])}: {in_language(column['title'])}"}}
        for table in section["tables"]
        if table["rows"]
        for column in table["columns"]
        if column["state"] == "not_reported" and column["name"] in COLUMNS.get(table["name"], column["name"]).split()
    ]
    for state, text in MISSING.items():
        names = [in_language(thing["title"]) for thing in things if thing["state"] == state]
        if names:
            yield f"{_(text)}: {', '.join(dict.fromkeys(names))}"


def _reboots(found: Sequence[Mapping[str, Any]]) -> None:
    if not found:
        return
    output.print_line("  " + _("Starts"))
    rows = [
        [
            (f"    {output.instant(start['at'])}", ""),
            (_(CAUSES.get(start["cause"], start["cause"])), ""),
            (" ".join(part for part in (start["by"], start["reason"]) if part), "dim"),
        ]
        for start in found[:REBOOTS]
    ]
    output.print_grid(rows)


def _age(age_s: float | None, *, stale: bool) -> str:
    if age_s is None:
        return ""
    age = _("{age} ago").format(age=duration(age_s))
    return _("{age}, stale").format(age=age) if stale else age
