"""A headless Chromium for the tests and benchmarks of pages, driven by the DevTools protocol over two pipes."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE = 60  # seconds; a loaded machine is slow
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str | None:
    """The program, None if there is none."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


class Browser:
    """One page."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands = os.fdopen(commands, "wb", buffering=0)
        self._answers = os.fdopen(answers, "rb")
        self._last = 0
        self._session: dict[str, str] = {}
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of one command; events that come first are kept."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": params, **self._session}
        self._commands.write(json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self._last:
            self.events.append(answer)
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def _read(self) -> dict[str, Any]:
        text = bytearray()
        while (byte := self._answers.read(1)) != b"\0":
            assert byte, "the browser has ended"
            text += byte
        answer: dict[str, Any] = json.loads(text)
        return answer

    def open(self, path: Path) -> None:
        """Load a file and wait until its script has run."""
        self.events.clear()
        self.resize(1280, 900)
        self.call("Page.navigate", url=path.as_uri())
        self.wait("document.documentElement?.dataset.ready === 'yes'")

    def resize(self, width: int, height: int) -> None:
        """Size of the window."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait(self, condition: str) -> None:
        """Until a JavaScript expression is true."""
        end = time.monotonic() + PATIENCE
        while not self.run(condition):
            assert time.monotonic() < end, f"never: {condition}"
            time.sleep(0.1)

    def press(self, key: str, code: int, text: str = "") -> None:
        """Press and release a key."""
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                windowsVirtualKeyCode=code,
                text=text if kind == "keyDown" else "",
            )

    def complaints(self) -> list[str]:
        """Console errors and warnings, exceptions, and requests for anything but files."""
        self.run("0")
        complaints = []
        for event in self.events:
            kind, params = event["method"], event["params"]
            if kind == "Network.requestWillBeSent":
                if not params["request"]["url"].startswith(("file:", "data:", "blob:")):
                    complaints.append(f"request: {params['request']['url']}")
            elif (
                kind == "Runtime.exceptionThrown"
                or (kind == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"))
                or (kind == "Log.entryAdded" and params["entry"]["level"] == "error")
            ):
                complaints.append(str(params))
        return complaints

    def close(self) -> None:
        """Close the pipes, which ends the browser."""
        self._commands.close()
        self._answers.close()


@contextmanager
def open_browser(program: str) -> Iterator[Browser]:
    """A running browser."""
    (child_in, commands), (answers, child_out) = os.pipe(), os.pipe()
    options = (
        "--headless=new --no-sandbox --disable-gpu --enable-unsafe-swiftshader --no-first-run "
        "--disable-background-networking --disable-component-update --remote-debugging-pipe"
    )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = f'exec "{program}" {options} --user-data-dir="{profile}" 3<&{child_in} 4>&{child_out}'
        with subprocess.Popen(
            ["bash", "-c", command], pass_fds=(child_in, child_out), stderr=subprocess.DEVNULL
        ) as process:
            os.close(child_in)
            os.close(child_out)
            browser = Browser(commands, answers)
            try:
                yield browser
            finally:
                browser.close()
                process.terminate()
                process.wait(timeout=PATIENCE)
