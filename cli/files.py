"""Files that a person names on the command line. The rule: whatever is wrong with one is one clear message."""

import sys
from pathlib import Path

from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.file_errors import not_read
from cli.texts import _

#: greatest file that is read, bytes
MAX_BYTES = 200_000_000


def read_text(path: Path) -> str:
    """Return the text of a file in UTF-8 (a byte order mark is taken away); "-" is standard input.

    Raises:
        CliError: USAGE, with the file and the place of the first byte that is wrong.
    """
    try:
        data = sys.stdin.buffer.read(MAX_BYTES + 1) if str(path) == "-" else _read(path)
    except OSError as error:
        raise not_read(path, error) from error
    if len(data) > MAX_BYTES:
        raise CliError(
            _("{path} is larger than {size} MB; split it.").format(path=path, size=MAX_BYTES // 10**6), ExitStatus.USAGE
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        text = _(
            "{path} is not UTF-8: line {line} holds the byte {byte}. In Excel save it as CSV UTF-8; "
            "or convert it, from Cyrillic Windows with: iconv -f cp1251 -t utf-8"
        )
        raise CliError(
            text.format(path=path, line=line, byte=f"0x{data[error.start]:02X}"), ExitStatus.USAGE
        ) from error


def _read(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(MAX_BYTES + 1)
