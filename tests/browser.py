"""A real browser, driven through its DevTools protocol over a pipe: no port, no driver to download.

Chromium is started headless with a new, empty profile and without whatever talks to the network by itself. Messages
are JSON, each ended by a zero byte, on its descriptors 3 (to it) and 4 (from it).
"""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 90
# Started in between, for descriptors 3 and 4 are taken here: two copies above all in use, then each to its number.
MOVED = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 100) for number in sys.argv[1:3]]
os.dup2(ends[0], 3)
os.dup2(ends[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage", "--hide-scrollbars",
    "--remote-debugging-pipe", "--force-color-profile=srgb", "--font-render-hinting=none",
)  # fmt: skip


def chromium() -> str | None:
    """Return the path of Chromium, or None where a stranger has none. Where ``CI`` is set, it must be there."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert found or not os.environ.get("CI"), "Chromium is needed where CI is set: apt-get install chromium"
    return found


class Browser:
    """One browser process."""

    def __init__(self, process: subprocess.Popen[bytes], to: int, back: int, folder: Path) -> None:
        self.process, self.to, self.back, self.folder = process, to, back, folder
        self.number, self.unread = 0, b""
        self.events: list[dict[str, Any]] = []

    def ask(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result. Events that come meanwhile are kept."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        os.write(self.to, json.dumps({**message, **({"sessionId": session} if session else {})}).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                assert "error" not in answer, (method, answer["error"])
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def read(self) -> dict[str, Any]:
        while b"\0" not in self.unread:
            data = os.read(self.back, 1 << 20)
            assert data, "the browser has ended"
            self.unread += data
        message, _, self.unread = self.unread.partition(b"\0")
        value: dict[str, Any] = json.loads(message)
        return value

    @contextmanager
    def tab(self, **options: Any) -> Iterator["Tab"]:
        """Yield a tab of its own, with cookies and storage of its own."""
        context = self.ask("Target.createBrowserContext")["browserContextId"]
        target = self.ask("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        try:
            yield Tab(self, session, context, **options)
        finally:
            self.ask("Target.disposeBrowserContext", browserContextId=context)


@contextmanager
def started() -> Iterator[Browser]:
    """Yield a browser. Ends the process that it started, and no other."""
    path = chromium()
    assert path is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        read_end, to = os.pipe()
        back, write_end = os.pipe()
        command = [sys.executable, "-c", MOVED, str(read_end), str(write_end), path, *FLAGS]
        command += [f"--user-data-dir={folder}/profile", "about:blank"]
        surroundings = {**os.environ, "HOME": folder, "XDG_CONFIG_HOME": folder, "XDG_CACHE_HOME": folder}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, pass_fds=(read_end, write_end), env=surroundings, **quiet)
        os.close(read_end)
        os.close(write_end)
        try:
            browser = Browser(process, to, back, Path(folder))
            yield browser
            browser.ask("Browser.close")
        finally:
            os.close(to)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            os.close(back)


class Tab:
    """One page in it."""

    def __init__(
        self,
        browser: Browser,
        session: str,
        context: str,
        *,
        width: int = 1200,
        height: int = 900,
        language: str = "en-GB",
        dark: bool = False,
    ) -> None:
        self.browser, self.session, self.context = browser, session, context
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self.ask(f"{domain}.enable")
        self.size(width, height)
        self.ask("Emulation.setUserAgentOverride", userAgent="", acceptLanguage=language)
        self.colours(dark=dark)

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self.browser.ask(method, self.session, **parameters)

    def size(self, width: int, height: int) -> None:
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )

    def colours(self, *, dark: bool) -> None:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, path: Path) -> None:
        self.ask("Page.navigate", url=path.as_uri())
        self.wait("document.readyState === 'complete'")

    def run(self, expression: str) -> Any:
        """Return what an expression comes to; a promise is waited for."""
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, condition: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Return once a condition holds."""
        self.until(lambda: bool(self.run(condition)), condition, seconds)

    def until(self, holds: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"not within {seconds} s: {what}\n{self.complaints()}"
            time.sleep(0.05)

    def text(self, selector: str) -> str:
        return str(self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    def click(self, selector: str) -> None:
        self.run(f"document.querySelector({json.dumps(selector)}).click()")

    def type(self, selector: str, text: str) -> None:
        """Type into a field as a person does who has cleared it."""
        self.run(f"(field => {{ field.focus(); field.select() }})(document.querySelector({json.dumps(selector)}))")
        self.ask("Input.insertText", text=text)

    def press(self, key: str) -> None:
        code = {"Tab": 9, "Enter": 13, " ": 32}[key]
        text = {"text": "\r"} if key == "Enter" else {"text": " "} if key == " " else {}
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **text)

    def choose(self, selector: str, *files: Path) -> None:
        """Choose files in a file input."""
        document = self.ask("DOM.getDocument")["root"]["nodeId"]
        node = self.ask("DOM.querySelector", nodeId=document, selector=selector)["nodeId"]
        self.ask("DOM.setFileInputFiles", nodeId=node, files=[str(file) for file in files])

    def keep_downloads(self, folder: Path) -> None:
        """Let what the page saves be saved into a folder."""
        folder.mkdir(exist_ok=True)
        self.browser.ask(
            "Browser.setDownloadBehavior", behavior="allow", browserContextId=self.context, downloadPath=str(folder)
        )

    def picture(self, path: Path, *, whole: bool = False) -> None:
        shot = self.ask("Page.captureScreenshot", captureBeyondViewport=whole, **(self.extent() if whole else {}))
        path.write_bytes(base64.b64decode(shot["data"]))

    def extent(self) -> dict[str, Any]:
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        return {"clip": {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 16_000), "scale": 1}}

    def pdf(self) -> bytes:
        return base64.b64decode(self.ask("Page.printToPDF", printBackground=False, preferCSSPageSize=True)["data"])

    def complaints(self) -> list[str]:
        """Return whatever the page, or the browser about it, has complained of."""
        said = []
        for event in self.mine():
            method, about = event.get("method"), event.get("params", {})
            if method == "Log.entryAdded":
                said.append(f"{about['entry']['level']}: {about['entry']['text']}")
            elif method == "Runtime.exceptionThrown":
                details = about["exceptionDetails"]
                said.append(details.get("exception", {}).get("description") or details["text"])
            elif method == "Runtime.consoleAPICalled":
                said.append(" ".join(str(one.get("value", one.get("description"))) for one in about["args"]))
        return said

    def requests(self) -> list[str]:
        """Return the addresses that were asked for."""
        asked = [event for event in self.mine() if event.get("method") == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in asked]

    def mine(self) -> list[dict[str, Any]]:
        return [event for event in self.browser.events if event.get("sessionId") == self.session]
