"""The first file of a multipart/form-data body, as it comes: some CPEs upload by POST as a browser's form does. Pure.

The rule of this file: it holds no more of the body than one head of a part, and a delimiter that may begin.
"""

import re
from typing import Final

#: Bytes of the head of one part; browsers send under 300.
HEAD_BYTES: Final = 4_096
#: Parts before the file: fields of a form.
PARTS: Final = 16
_BOUNDARY: Final = re.compile(rb'boundary\s*=\s*(?:"([^"]{1,70})"|([^\s;,"]{1,70}))', re.IGNORECASE)


class NotMultipart(ValueError):
    """The body is not what its type says."""


def boundary_of(content_type: bytes) -> bytes | None:
    """The boundary of a multipart/form-data body; None for another type.

    Raises:
        NotMultipart: it names no boundary.
    """
    if not content_type.strip().lower().startswith(b"multipart/"):
        return None
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise NotMultipart("a multipart body without a boundary")
    return found[1] or found[2]


class FilePart:
    """Takes a body piece by piece and gives the bytes of its first file, or of its first part when none is a file."""

    def __init__(self, boundary: bytes) -> None:
        self._delimiter = b"\r\n--" + boundary
        #: what is held back; it begins with a line end so that the first delimiter looks like the others
        self._held = b"\r\n"
        self._state = "before"
        self._parts = 0
        #: the file was there and ended
        self.done = False

    def feed(self, data: bytes) -> bytes:
        """The bytes of the file that are certain now.

        Raises:
            NotMultipart: the body breaks its own rules, or has no file among its first parts.
        """
        if self.done:
            return b""
        self._held += data
        out = b""
        while not self.done:
            if self._state == "head":
                if not self._read_head():
                    break
            else:
                piece, ended = self._until_delimiter()
                out += piece if self._state == "file" else b""
                if not ended:
                    break
                self.done = self._state == "file"
                self._state = "head"
        return out

    def _until_delimiter(self) -> tuple[bytes, bool]:
        at = self._held.find(self._delimiter)
        if at >= 0:
            piece, self._held = self._held[:at], self._held[at + len(self._delimiter) :]
            return piece, True
        keep = min(len(self._held), len(self._delimiter) - 1)
        piece, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return piece, False

    def _read_head(self) -> bool:
        """Read the head of a part; False when more must come."""
        if self._held.startswith(b"--"):
            raise NotMultipart("the body has no file")
        end = self._held.find(b"\r\n\r\n")
        if end < 0:
            if len(self._held) > HEAD_BYTES:
                raise NotMultipart("the head of a part does not end")
            return False
        head, self._held = self._held[:end].lower(), self._held[end + 4 :]
        self._parts += 1
        if self._parts > PARTS:
            raise NotMultipart(f"no file among the first {PARTS} parts")
        self._state = "file" if b"filename" in head else "field"
        return True
