"""The pages in a real browser: no error, no request, nothing wider than the window, light and dark.

CI installs Debian's chromium; where there is none, these say so and are skipped.
"""

import http.server
import shutil
import socketserver
import subprocess
import threading

import pytest
from PIL import Image

from tests.report.evidence import evidence
from tests.report.runs import adapted, record, write_run
from zoo.report.html import write_report
from zoo.report.mistakes import Mistake, write_mistakes
from zoo.report.ranking import write_ranking
from zoo.report.versus import versus, write_versus

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
LONG = "a_name_without_any_place_to_break_it_" * 6
CANDIDATE = {
    "name": LONG,
    "estimate": 0.5,
    "spread": 0.1,
    "params": 1000,
    "milliseconds": 2.0,
    "license": None,
    "pareto": True,
}
# The pages let no script run, so one around them measures them in a narrow frame.
FRAMES = """<iframe src="one/report.html" width="360"></iframe>
<iframe src="compared.html" width="360"></iframe><script>
onload = () => document.title = [0, 1].map(
  (at) => frames[at].document.documentElement).map(
  (page) => page.scrollWidth - page.clientWidth).join(" ");
</script>"""

pytestmark = pytest.mark.skipif(not BROWSER, reason="no chromium here; CI installs Debian's")


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Serves a folder and remembers what was asked for."""

    daemon_threads = True

    def __init__(self, folder):
        self.asked = []

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *args):
                super().__init__(*args, directory=str(folder))

            def do_GET(self):
                self.server.asked.append(self.path)
                super().do_GET()

            def log_message(self, *args):
                pass

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    made = record(evidence=evidence(), labels=(LONG, "bees"))
    first = write_run(folder / "one", adapted(made, 0.8, LONG))
    write_mistakes(first, [Mistake(row=1, true=LONG, answer="bees", loss=1, text=LONG)])
    write_ranking(first, {"ranker": "logme", "rows": 100, "candidates": [CANDIDATE]})
    second = write_run(folder / "two", record(own=0.7, backbone=LONG))
    write_report(first)
    write_versus(versus([first, second]), folder / "compared.html")
    return folder


@pytest.fixture
def server(pages):
    with Server(pages) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found
        found.shutdown()


@pytest.mark.parametrize(
    ("page", "width", "scheme"),
    [
        ("one/report.html", 1200, "light"),
        ("one/report.html", 500, "dark"),
        ("compared.html", 1200, "dark"),
    ],
)
def test_a_page_opens_without_error_or_request(server, tmp_path, page, width, scheme):
    shot = tmp_path / "shot.png"
    dark = ["--blink-settings=preferredColorScheme=0"] if scheme == "dark" else []
    window = [f"--window-size={width},2400", "--hide-scrollbars", f"--screenshot={shot}"]
    done = browse(server, page, tmp_path, *window, *dark)
    assert "CONSOLE" not in done.stderr
    assert [path for path in server.asked if path != "/favicon.ico"] == [f"/{page}"]
    image = Image.open(shot).convert("L")
    assert image.width == width
    paper = image.getpixel((2, 2))
    assert paper > 240 if scheme == "light" else paper < 60
    darkest, lightest = image.getextrema()
    assert lightest - darkest > 150  # something is drawn


def test_a_narrow_window_need_not_be_moved_sideways(server, pages, tmp_path):
    (pages / "frames.html").write_text(FRAMES)
    done = browse(server, "frames.html", tmp_path, "--dump-dom")
    assert "<title>0 0</title>" in done.stdout


def browse(server, page, folder, *options):
    """Open a page; all that it logs is on stderr."""
    command = [
        BROWSER,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--enable-logging=stderr",
        f"--user-data-dir={folder / 'profile'}",
        *options,
        f"http://127.0.0.1:{server.server_port}/{page}",
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
