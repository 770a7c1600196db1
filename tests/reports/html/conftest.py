"""Reports of two runs, a server that sends the policy of strict hosts, and a browser that watches what a page does."""

from __future__ import annotations

import functools
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_synthgate.reports.html.page import write_html
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.tracking.changes import SpecTrend

from . import samples

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Request, Response

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    *("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
FOLDER, FILE = "report/index.html", "report.html"
POLICIES = {
    FOLDER: "default-src 'none'; img-src 'self'; style-src 'self'",
    FILE: "default-src 'none'; img-src data:; style-src 'unsafe-inline'",
}


@pytest.fixture(scope="package")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with both forms of a report in which everything occurs."""
    return rendered(tmp_path_factory.mktemp("kinds"), samples.all_kinds, samples.course("repeats", "3f2a1b0c9d8e7f"))


@pytest.fixture(scope="package")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of a report whose every text means harm."""
    return rendered(tmp_path_factory.mktemp("hostile"), samples.hostile, samples.course("all", samples.HOSTILE[0]))


def rendered(folder: Path, make: Callable[[Path], dict[str, SpecResult]], trends: Sequence[SpecTrend] = ()) -> Path:
    """Write a report in both forms."""
    results = make(folder / "images")
    for path in ((folder / FOLDER).parent, folder / FILE):
        write_html(path, results, trends=trends)
    return folder


class Strict(SimpleHTTPRequestHandler):
    """Serves files under the policy that their form is made for."""

    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".webp": "image/webp"}  # noqa: RUF012

    def do_GET(self) -> None:
        if self.path == "/favicon.ico":  # asked for by browsers, not by the page
            self.send_response(HTTPStatus.NO_CONTENT)
            self.end_headers()
        else:
            super().do_GET()

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICIES[FILE if self.path.endswith(FILE) else FOLDER])
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture(scope="package")
def address(kinds: Path) -> Iterator[str]:
    """Where the folder of the report is served."""
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Strict, directory=kinds)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@dataclass(frozen=True, slots=True)
class Visit:
    """A page, and all that it did and a report must not do."""

    page: Page
    complaints: list[str]


def watch(page: Page, address: str) -> list[str]:
    """Note whatever a page says, asks for elsewhere or fails to get."""
    complaints: list[str] = []
    home = address.rpartition("/")[0]

    def on_dialog(dialog: Dialog) -> None:
        complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def on_request(request: Request) -> None:
        if not request.url.startswith((home, "data:image/webp;")):
            complaints.append(f"asked for {request.url[:80]}")

    def on_response(response: Response) -> None:
        if response.status >= 400:
            complaints.append(f"status {response.status}: {response.url}")

    page.on("console", lambda each: complaints.append(f"console: {each.text}"))
    page.on("pageerror", lambda each: complaints.append(f"error: {each.message}"))
    page.on("popup", lambda each: complaints.append(f"opened {each.url}"))
    page.on("requestfailed", lambda each: complaints.append(f"failed: {each.url}"))
    page.on("dialog", on_dialog)
    page.on("request", on_request)
    page.on("response", on_response)
    return complaints


Visiting = Callable[..., Visit]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    installed = [path for path in map(shutil.which, BROWSERS) if path is not None]
    if not installed:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=installed[0], args=QUIET) as found:
        yield found


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visiting]:
    """A function that opens an address in a window of its own and waits until all of it is there."""
    contexts: list[BrowserContext] = []

    def open_page(
        address: str, *, width: int = 1440, scheme: Any = "light", scripts: bool = True, lenient: bool = False
    ) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            java_script_enabled=scripts,
            bypass_csp=lenient,
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        complaints = watch(page, address)
        page.goto(address)
        return Visit(page, complaints)

    yield open_page
    for context in contexts:
        context.close()
