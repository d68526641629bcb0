"""Where the files of a run stand: in memory where there is room, for thousands of stores wait for the disk otherwise.

What a test proves about a process that is killed holds there too: the files outlive the process.
"""

import os
import shutil
import tempfile
from multiprocessing.util import Finalize
from pathlib import Path

_MEMORY = Path("/dev/shm")
#: free bytes below which the disk is taken; a whole run needs less than half of it
_ROOM = 4 << 30


def into_memory() -> Path | None:
    """Put this process's temporary files, and those of its children, into memory; None: they stay where they are.

    They stay where somebody chose a folder (TMPDIR), without room, and where nothing may be executed: tests write
    small programs. The caller has it removed (`forget_at_exit`).
    """
    if "TMPDIR" in os.environ or not os.access(_MEMORY, os.W_OK):
        return None
    found = os.statvfs(_MEMORY)
    if found.f_bavail * found.f_frsize < _ROOM or found.f_flag & os.ST_NOEXEC:
        return None
    folder = Path(tempfile.mkdtemp(prefix="secondline-tests-", dir=_MEMORY))
    folder.chmod(0o711)  # PostgreSQL runs as another user, in a folder of its own below
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = None
    return folder


def forget_at_exit(folder: Path) -> None:
    """Remove the folder with all that is in it when this process ends.

    `multiprocessing` has a folder in it for its sockets, which it removes itself at a priority of -100; where that is
    gone before, it writes a traceback below the result.
    """
    Finalize(None, shutil.rmtree, args=(folder, True), exitpriority=-200)
