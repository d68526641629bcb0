"""The texts of what keeps a server from starting: what is wrong with its configuration, its key, its store, its ports.

    python -m tests.start_texts      says what acs/api/starts.ru.toml lacks, and what it has too many

The rule of this file: what the errors, details and findings have already is theirs.
"""

import ast
import errno
import os
from collections.abc import Iterator

from tests.error_texts import raised, template
from tests.russian_texts import ROOT, lacking, russian, tell, too_many

#: what the system says of a file or an address
OF_THE_SYSTEM = {
    os.strerror(number)
    for number in (
        errno.EACCES, errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.EISDIR,
        errno.ENOENT, errno.ENOSPC, errno.ENOTDIR, errno.EROFS,
    )
}  # fmt: skip
#: what is put into the others, and what libraries say
PARTS = {
    "attempt to write a readonly database", "database disk image is malformed", "database is locked",
    "did you mean {0}?", "disk I/O error", "file is not a database", "known here: {0}", "unable to open database file",
    "{0} does not appear to be an IPv4 or IPv6 address", "{0} does not appear to be an IPv4 or IPv6 network",
    "{0} has host bits set", "{0}; write a network such as 192.0.2.0/24 or 2001:db8::/32",
    "{0}; write an address such as 192.0.2.53 or 2001:db8::53",
}  # fmt: skip
#: places before a text, and one too general to be looked for: what it is put together of stands in PARTS
_OTHERS = {"{0}; write {1}", "store.vault_key_file: {0}", "traps.profiles_directory: {0}"}


def said() -> Iterator[str]:
    """Every text that an error of the configuration is made with."""
    elsewhere = {*russian("errors", "errors", "parts", "checks"), *russian("details"), *russian("findings"), *raised()}
    for path in sorted((ROOT / "acs").rglob("*.py")):
        kinds = {"ConfigError", "ValueError"} if path.is_relative_to(ROOT / "acs/config") else {"ConfigError"}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds and node.args:
                text = template(node.args[0])
                if text is not None and text not in elsewhere | _OTHERS:
                    yield text
    yield from (text for text in OF_THE_SYSTEM | PARTS if text not in elsewhere)


def main() -> None:
    """Say which lines the Russian of starts lacks, and which it has too many."""
    known, wanted = russian("starts"), {*said()}
    tell(lacking(known, wanted) + too_many(known, wanted))


if __name__ == "__main__":
    main()
