"""The HTTP API as the commands see it. The rule: whatever goes wrong becomes a CliError that says what to do next.

Where the server is: --url and --token-file, else the session of `secondline login`, else
~/.config/secondline/client.toml (`url`, `token_file`), else loopback.
"""

import hashlib
import json
import os
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urlsplit

from cli.client.wire import Answer, Wire, WireFailed, WireTimeout
from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.file_errors import not_read, not_written
from cli.options import DEFAULT_URL
from cli.texts import _, language

#: where the API begins behind the address of a server
API = "/api/v1"
#: greatest time of one ordinary call, seconds
CALL_TIMEOUT_S = 30.0
#: bytes of a file that are sent at once
FILE_BLOCK = 262_144
#: seconds between two looks whether a server that starts answers already
LOOK_S = 0.2

STATUS_OF_CODE = {
    400: ExitStatus.USAGE,
    401: ExitStatus.REFUSED,
    403: ExitStatus.REFUSED,
    404: ExitStatus.NOT_FOUND,
    409: ExitStatus.CONFLICT,
    413: ExitStatus.USAGE,
    415: ExitStatus.USAGE,
    422: ExitStatus.USAGE,
    429: ExitStatus.FAILURE,
}


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One server-sent event: its name and its decoded JSON."""

    name: str
    data: Any


class Client:
    """Calls of one server with one token. Use it as a context manager."""

    def __init__(self, url: str, token: str | None) -> None:
        headers = {"accept-language": language()} | ({"authorization": f"Bearer {token}"} if token else {})
        self.url = url.rstrip("/")
        self._wire = Wire(f"{self.url}{API}", headers, CALL_TIMEOUT_S)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def await_server(self, patience_s: float) -> None:
        """Return when the server answers: one that has just been started takes a second or two.

        Raises:
            CliError: UNREACHABLE, nothing answers after `patience_s`.
        """
        deadline = time.monotonic() + patience_s
        while True:
            try:
                self._wire.request("GET", "/health", timeout_s=patience_s)
                return
            except WireFailed as error:
                if time.monotonic() > deadline:
                    raise self._unreachable(error) from error
            time.sleep(LOOK_S)

    def get(self, path: str, /, **query: object) -> Any:
        """Return the decoded answer of a GET; query values that are None are left out."""
        return self._call("GET", path, query=query)

    def post(self, path: str, body: object = None, *, headers: Mapping[str, str] | None = None) -> Any:
        """Return the decoded answer of a POST with a JSON body."""
        return self._call("POST", path, body=body, headers=headers)

    def put(self, path: str, body: object) -> Any:
        """Return the decoded answer of a PUT with a JSON body."""
        return self._call("PUT", path, body=body)

    def patch(self, path: str, body: object) -> Any:
        """Return the decoded answer of a PATCH with a JSON body."""
        return self._call("PATCH", path, body=body)

    def delete(self, path: str, /, **query: object) -> Any:
        """Return the decoded answer of a DELETE; query values that are None are left out."""
        return self._call("DELETE", path, query=query)

    def send_file(self, path: str, source: BinaryIO, size_bytes: int, query: Sequence[tuple[str, str]]) -> Any:
        """Return the decoded answer of a POST whose body is a file, which flows from the disk."""
        headers = {"content-length": str(size_bytes), "content-type": "application/octet-stream"}
        try:
            answer = self._wire.request("POST", path, query=query, body=_read_in_blocks(source), headers=headers)
        except WireFailed as error:
            raise self._unreachable(error) from error
        if answer.status >= 400:
            raise self._error(answer)
        return answer.json()

    def fetch_file(self, path: str, target: BinaryIO) -> int:
        """Write the body of a GET to a file as it comes; returns its bytes.

        Raises:
            CliError: the server did not give it, or the file cannot be written.
        """
        size = 0
        try:
            with self._wire.stream("GET", path) as answer:
                if answer.status >= 400:
                    raise self._error(answer)
                for block in answer.blocks():
                    size += _write(target, block)
        except WireFailed as error:
            raise self._unreachable(error) from error
        return size

    def post_text(self, path: str, text: str, /, *, content_type: str = "text/csv", **query: object) -> Any:
        """Return the decoded answer of a POST of text, such as CSV."""
        return self._call(
            "POST", path, query=query, content=text.encode(), headers={"content-type": f"{content_type}; charset=utf-8"}
        )

    def events(self, path: str, *, timeout_s: float) -> Iterator[ServerEvent]:
        """Yield server-sent events until the server ends the stream.

        Raises:
            CliError: TIMEOUT where no event comes for `timeout_s`, though the server's heartbeats do.
        """
        try:
            with self._wire.stream("GET", path, timeout_s=timeout_s) as answer:
                if answer.status >= 400:
                    raise self._error(answer)
                heard_at = time.monotonic()
                for event in _parse_events(answer.lines()):
                    if event is None:
                        if time.monotonic() - heard_at >= timeout_s:
                            raise WireTimeout("heartbeats alone")
                        continue
                    heard_at = time.monotonic()
                    if event.name == "error":
                        raise CliError(str(event.data.get("message")) if isinstance(event.data, dict) else "error")
                    yield event
        except WireTimeout as error:
            text = _("Nothing came from {url} for {seconds} s; look with: secondline operation list").format(
                url=self.url, seconds=round(timeout_s)
            )
            raise CliError(text, ExitStatus.TIMEOUT) from error
        except WireFailed as error:
            raise self._unreachable(error) from error

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: object = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        params = [(key, str(value)) for key, value in (query or {}).items() if value is not None]
        sent = dict(headers or {})
        if body is not None:
            content = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
            sent["content-type"] = "application/json"
        try:
            answer = self._wire.request(method, path, query=params, body=content, headers=sent)
        except WireFailed as error:
            raise self._unreachable(error) from error
        if answer.status >= 400:
            raise self._error(answer)
        if not answer.content and not answer.redirects:
            return None
        try:
            return answer.json()
        except ValueError as error:
            raise self._stranger() from error

    def _stranger(self) -> CliError:
        text = _("{url} does not answer as secondline does; is the address right?")
        return CliError(text.format(url=self.url), ExitStatus.UNREACHABLE)

    def _unreachable(self, error: Exception) -> CliError:
        if "WRONG_VERSION_NUMBER" in str(error):
            text = _("{url} speaks no TLS; write the address with http://, or with the port where TLS is")
            return CliError(text.format(url=self.url), ExitStatus.UNREACHABLE)
        text = _(
            "No server answers at {url} ({error}). Start one with: secondline serve --config FILE, "
            "or name another with --url."
        )
        return CliError(text.format(url=self.url, error=error or type(error).__name__), ExitStatus.UNREACHABLE)

    def _error(self, answer: Answer) -> CliError:
        if answer.status in (404, 405, 501) and not _is_ours(answer):
            return self._stranger()
        message = _message_of(answer)
        status = STATUS_OF_CODE.get(answer.status, ExitStatus.FAILURE)
        if answer.status == 401:
            text = _(
                "{url} wants a token ({message}). Create one on the server with: secondline token create NAME "
                "--scope read --scope operate --config FILE, and give its file with --token-file."
            )
            return CliError(text.format(url=self.url, message=message), status)
        if answer.status >= 500:
            text = _("{url} failed with {code}: {message}. Its log says more.")
            return CliError(text.format(url=self.url, code=answer.status, message=message), status)
        return CliError(message, status)


def connect(url: str | None, token_file: Path | None) -> Client:
    """Return a client for the server that options and client.toml name.

    Raises:
        CliError: USAGE when client.toml or the token file cannot be read.
    """
    known = _client_file()
    chosen_url = (url or str(known.get("url", DEFAULT_URL))).rstrip("/").removesuffix(API)
    if not _is_address(chosen_url):
        text = _("{url} is no address; write it like http://127.0.0.1:8080, with http:// or https:// and a host")
        raise CliError(text.format(url=chosen_url), ExitStatus.USAGE)
    chosen_file = token_file or session_file(chosen_url)
    if chosen_file is None and "token_file" in known:
        chosen_file = Path(str(known["token_file"])).expanduser()
    return Client(chosen_url, None if chosen_file is None else read_token(chosen_file))


def segment(name: str) -> str:
    """Return an id as one segment of a path.

    Raises:
        CliError: NOT_FOUND, it is empty.
    """
    if not name:
        raise CliError(_("An empty id names nothing; the list commands show the ids."), ExitStatus.NOT_FOUND)
    return quote(name, safe="")


def _read_in_blocks(source: BinaryIO) -> Iterator[bytes]:
    try:
        while block := source.read(FILE_BLOCK):
            yield block
    except OSError as error:  # the file's fault: not a server that broke off
        raise not_read(_name_of(source), error, ExitStatus.FAILURE) from error


def _write(target: BinaryIO, block: bytes) -> int:
    try:
        return target.write(block)
    except OSError as error:
        raise not_written(_name_of(target), error) from error


def _name_of(file: BinaryIO) -> str:
    return str(getattr(file, "name", "-"))


def _is_address(url: str) -> bool:
    try:
        parsed = urlsplit(url)
        return parsed.scheme in ("http", "https") and bool(parsed.hostname) and (parsed.port or 1) > 0 and _plain(url)
    except ValueError:
        return False


def _plain(url: str) -> bool:
    return url.isprintable() and " " not in url


def read_token(path: Path) -> str:
    """Return the token in a file, without white space around it.

    Raises:
        CliError: USAGE when the file cannot be read or is empty.
    """
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise not_read(path, error) from error
    if not token or not token.isascii() or any(c.isspace() for c in token):
        text = _("{path} must hold one token or password and nothing else.").format(path=path)
        raise CliError(text, ExitStatus.USAGE)
    return token


def client_folder() -> Path:
    """Return the folder of this user's settings; it need not exist."""
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return Path(home) / "secondline"


def session_path(url: str) -> Path:
    """Return where the session of `secondline login` at this server is kept."""
    return client_folder() / f"session-{hashlib.sha256(url.rstrip('/').encode()).hexdigest()[:16]}"


def session_file(url: str) -> Path | None:
    """Return the session at this server; None where nobody is signed in."""
    path = session_path(url)
    return path if path.exists() else None


def _client_file() -> dict[str, object]:
    path = client_folder() / "client.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        text = _("{path} cannot be read: {error}").format(path=path, error=error)
        raise CliError(text, ExitStatus.USAGE) from error


def _parse_events(lines: Iterator[str]) -> Iterator[ServerEvent | None]:
    """The events of a stream; None for each heartbeat, which says that the server is there and no more."""
    name, data = "message", ""
    for line in lines:
        if line.startswith("event:"):
            name = line[6:].strip()
        elif line.startswith("data:"):
            data += line[5:].strip()
        elif not line and data:
            yield ServerEvent(name, json.loads(data))
            name, data = "message", ""
        elif line.startswith(":"):
            yield None


def _is_ours(answer: Answer) -> bool:
    """Whether an error has the form of our API: another program's 404 says nothing of a thing of ours."""
    try:
        body = answer.json()
    except ValueError:
        return False
    return isinstance(body, dict) and isinstance(body.get("code"), str)


def _message_of(answer: Answer) -> str:
    try:
        body = answer.json()
    except ValueError:
        return answer.text[:200] or answer.reason
    if isinstance(body, dict):
        words = body.get("words")
        if isinstance(words, dict) and words.get(language()):
            return str(words[language()])
        for key in ("message", "reason", "detail", "error"):
            value = body.get(key)
            if isinstance(value, dict):
                value = value.get("message")
            if value:
                return str(value)
    return json.dumps(body, ensure_ascii=False)[:400]
