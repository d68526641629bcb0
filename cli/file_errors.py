"""What is said of a file that cannot be read or written: which one, why, and what to do. The rule: no error number."""

import errno
from pathlib import Path

from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.texts import N_, _

#: why a file could not be used → what a person can do about it
REMEDIES = {
    errno.ENOENT: N_("check the name and its folder"),
    errno.EACCES: N_("ask its owner, or name one that you may use"),
    errno.EPERM: N_("ask its owner, or name one that you may use"),
    errno.EROFS: N_("name a folder that can be written"),
    errno.EEXIST: N_("name a new one"),
    errno.EISDIR: N_("name a file, not a folder"),
    errno.ENOTDIR: N_("one of the folders in its name is a file"),
    errno.ENOSPC: N_("make room on that disk, or name another folder"),
    errno.EDQUOT: N_("make room within your quota, or name another folder"),
}


def not_read(path: Path | str, error: Exception, status: ExitStatus = ExitStatus.USAGE) -> CliError:
    """Return the error of a file that cannot be read."""
    return CliError(_("{path} cannot be read: {error}").format(path=path, error=reason(error)), status)


def not_written(path: Path | str, error: Exception, status: ExitStatus = ExitStatus.FAILURE) -> CliError:
    """Return the error of a file, or a folder, that cannot be written."""
    return CliError(_("{path} cannot be written: {error}").format(path=path, error=reason(error)), status)


def reason(error: Exception) -> str:
    """Return why, in words, and the remedy where one is known."""
    if isinstance(error, UnicodeDecodeError):
        return _("it is not UTF-8; save it so")
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    remedy = REMEDIES.get(error.errno or 0)
    return error.strerror if remedy is None else f"{error.strerror}; {_(remedy)}"
