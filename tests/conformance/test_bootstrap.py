"""Item 58: what a reset device is given again."""

from pathlib import Path

from tests.conformance.acting import Device
from tests.conformance.checklist import item
from tests.conformance.server import serving

RULE = """
[[rule]]
id = "everybody"
[rule.match]
root = "Device."
[rule.values]
"Device.X.Place" = "north"
"""


@item(58, "3.7.1.5", "0 BOOTSTRAP makes the ACS set credentials and provisioned values anew, as on a new device")
async def test_058_a_reset_device_is_set_up_again(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "all.toml").write_text(RULE)
    tables = {
        "cwmp": {"first_contact": {"enabled": True, "periodic_inform_s": 3600}},
        "provisioning": {"directory": str(rules)},
    }
    async with serving(tmp_path, **tables) as acs:
        acting = Device(acs.cpe(), dict.fromkeys(FACTORY, ("", "xsd:string")))
        await acting.session("0 BOOTSTRAP", "1 BOOT")
        await acting.session()
        first = dict(acting.tree)
        assert first["Device.X.Place"][0] == "north"
        assert first["Device.ManagementServer.ConnectionRequestPassword"][0]
        acting.tree = dict.fromkeys(FACTORY, ("", "xsd:string"))
        await acting.session("0 BOOTSTRAP", "1 BOOT")
        await acting.session()
        assert acting.tree["Device.X.Place"][0] == "north"
        assert acting.tree["Device.ManagementServer.ConnectionRequestPassword"][0]
        assert (await acs.device(acting.cpe)) is not None


FACTORY = [
    "Device.X.Place",
    *(
        f"Device.ManagementServer.{name}"
        for name in (
            "ConnectionRequestUsername",
            "ConnectionRequestPassword",
            "PeriodicInformEnable",
            "PeriodicInformInterval",
        )
    ),
]
