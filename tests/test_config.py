"""The configuration: defaults, secrets in files, and every broken file with its whole message."""

from pathlib import Path

import pytest

from acs.config import AuthPolicy, Config, Role, read_secret
from acs.errors import ConfigError

FIXTURES = Path(__file__).parents[1] / "fixtures" / "config"


@pytest.mark.parametrize("file", sorted(FIXTURES.glob("invalid-*.toml")), ids=lambda file: file.stem)
def test_a_broken_file_is_told_whole(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    expected = [line.removeprefix("# error: ") for line in lines if line.startswith("# error: ")]
    with pytest.raises(ConfigError) as refused:
        Config.load(file)
    said = [line.removeprefix(f"{file}: ") for line in str(refused.value).splitlines()]
    assert sorted(said) == sorted(expected)


def test_an_empty_file_is_safe(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("")
    config = Config.load(tmp_path / "c.toml")
    assert config.server.role is Role.ALL
    assert config.cwmp.auth is AuthPolicy.DIGEST
    assert config.api.host == "127.0.0.1"
    assert config.cwmp.enrol_username is None
    assert config.connection_requests.allowed_networks == ()
    assert config.store.url == f"sqlite:///{tmp_path}/secondline.db"
    assert config.store.vault_key_file == tmp_path / "secondline.key"


def test_a_missing_file_and_a_binary_one_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"No such file.*--config"):
        Config.load(tmp_path / "absent.toml")
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        Config.load(tmp_path / "b.toml")


def test_a_secret_file_is_one_line_that_only_its_owner_reads(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    with pytest.raises(ConfigError, match=r"cwmp\.enrol_password_file"):
        read_secret(file, "cwmp.enrol_password_file")
    file.write_text("\n")
    file.chmod(0o600)
    with pytest.raises(ConfigError, match="is empty"):
        read_secret(file, "x")
    file.write_text("s3cret\n")
    assert read_secret(file, "x") == "s3cret"
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_secret(file, "x")


def test_the_ports_that_have_a_default_do_not_collide() -> None:
    config = Config()
    ports = [config.cwmp.port, config.cwmp.tls.port, config.files.port, config.files.tls_port, config.api.port]
    assert len(set(ports)) == len(ports)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "[::1]", "localhost"])
def test_the_api_on_our_own_machine_needs_no_proxy(tmp_path: Path, host: str) -> None:
    assert Config.from_table({"api": {"host": host}}, tmp_path / "c.toml").api.host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "fe80::1%eth0", "acs.example.net"])
def test_the_api_elsewhere_needs_a_proxy_with_tls(tmp_path: Path, host: str) -> None:
    with pytest.raises(ConfigError, match=r"speaks no TLS.*api\.proxies \(docs/proxies\.md\)"):
        Config.from_table({"api": {"host": host}}, tmp_path / "c.toml")
    behind = Config.from_table({"api": {"host": host, "proxies": ["192.0.2.7/32"]}}, tmp_path / "c.toml")
    assert [str(one) for one in behind.api.proxies] == ["192.0.2.7/32"]
