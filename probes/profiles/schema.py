"""What a vendor profile of an access node may hold, and how it is found. A wrong profile is refused with file and key."""


class AccessProfile:
    """How one family of access nodes is read."""

    id: str


def load_profiles() -> dict[str, AccessProfile]:
    """Every packaged profile by id.

    Raises:
        ProfileError: a file is wrong: names the file, the key and the remedy.
    """
    raise NotImplementedError


def match(profiles: dict[str, AccessProfile], sys_object_id: str, sys_descr: str) -> AccessProfile | None:
    """The profile whose sysObjectID prefix and sysDescr text fit; None when no family is known."""
    raise NotImplementedError
