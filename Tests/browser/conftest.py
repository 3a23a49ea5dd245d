"""The page in Debian's Chromium against the real program and the scripted model server.

Each test has its own program with its own data. With PARLEY_URL the tests run against a server that is there already,
and those that must start, stop or cut something are skipped.
"""

import os
import shutil
import socket
import sys
import threading
import uuid
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent / "process"))
from parley_process import Program, scripted_model  # noqa: E402

WAIT_MS = 15_000
expect.set_options(timeout=WAIT_MS)


class Cable:
    """A TCP relay between browser and server that can be cut and mended."""

    def __init__(self, target_port):
        self.target_port = target_port
        self.pairs = set()
        self.lock = threading.Lock()
        self.port = 0
        self.mend()

    def mend(self):
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def cut(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            ends = [end for pair in self.pairs for end in pair]
            self.pairs.clear()
        for end in ends:
            self._close(end)

    def _accept(self, listener):
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.target_port))
            except OSError:
                self._close(near)
                continue
            with self.lock:
                self.pairs.add((near, far))
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        self._close(source)
        self._close(sink)

    @staticmethod
    def _close(end):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        end.close()


class Server:
    """`parley serve` with a folder of its own."""

    def __init__(self, folder, model_port=None, model="scripted-len12", env=None, flags=()):
        self.folder = folder
        self.model_port = model_port
        self.model = model
        self.env = env or {}
        self.flags = flags
        self.port = 0
        self.start()

    def start(self):
        env = {"OPENAI_API_KEY": "", "OPENAI_BASE_URL": "", "PARLEY_MAKE_TITLES": "false", **self.env}
        command = [
            os.environ["PARLEY_BIN"],
            "serve",
            "--port",
            str(self.port),
            "--data-dir",
            str(self.folder),
            *self.flags,
        ]
        if self.model_port:
            env.update(OPENAI_BASE_URL=f"http://127.0.0.1:{self.model_port}/v1", OPENAI_API_KEY="test")
            command += ["--model", self.model]
        self.program = Program(command, "Parley is at", env)
        self.port = self.program.port

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def kill(self):
        self.program.kill()

    def end(self):
        """Shuts down in order."""
        self.program.terminate(patience=60)


class Chat:
    """What a person does on the page, in the words of the page."""

    def __init__(self, page, url):
        self.page = page
        self.url = url
        self.box = page.get_by_role("textbox", name="Message", exact=True)
        self.stop_button = page.get_by_role("button", name="Stop the answer")
        self.questions = page.locator(".message[data-role=user]")
        self.answers = page.locator(".message[data-role=assistant]")
        self.finished = page.locator(".message[data-role=assistant][data-state=completed]")
        self.titles = page.locator(".chat-title")
        self.live = page.locator("#announcements")

    def open(self, path="/"):
        self.page.goto(self.url + path)
        self.page.locator('#app[data-session="signedIn"]').wait_for()

    def api(self, method, path, body=None):
        response = self.page.request.fetch(self.url + path, method=method, data=body)
        assert response.ok, response.text()
        return response.json() if response.body() else None

    def conversation(self, model, **members):
        """Makes a conversation that a script answers, and opens it."""
        self.page.request.post(self.url + "/api/session", data={})
        made = self.api("POST", "/api/conversations", {"id": str(uuid.uuid4()), "model": model, **members})
        self.open(f"/c/{made['id']}")
        return made["id"]

    def send(self, text):
        self.box.fill(text)
        self.box.press("Enter")

    def ask(self, text):
        """Sends and waits for the whole answer."""
        count = self.finished.count()
        self.send(text)
        expect(self.finished).to_have_count(count + 1)
        return self.finished.last

    def text(self, message):
        return message.locator(".message-body").inner_text()

    def search(self, words):
        self.page.keyboard.press("ControlOrMeta+k")
        self.page.get_by_role("combobox").fill(words)
        return self.page.get_by_role("option")

    def menu(self, title, entry):
        """Chooses an entry of a chat's menu in the list."""
        item = self.page.locator(".chat-item", has_text=title)
        item.hover()
        item.get_by_role("button", name="More").click()
        self.page.get_by_role("menuitem", name=entry).click()


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def model():
    """The scripted model server's port."""
    if "PARLEY_URL" in os.environ:
        yield None
        return
    program = scripted_model()
    yield program.port
    program.terminate()


@pytest.fixture
def serve(tmp_path, model):
    """Makes servers that end with the test."""
    if "PARLEY_URL" in os.environ:
        pytest.skip("needs a server of its own")
    servers = []

    def make(**options):
        options.setdefault("model_port", model)
        servers.append(Server(tmp_path / f"data{len(servers)}", **options))
        return servers[-1]

    yield make
    # Nothing has to be kept: an answer that is still being written need not be waited for.
    for server in servers:
        server.kill()


@pytest.fixture
def address(request):
    """Where the page is."""
    if "PARLEY_URL" in os.environ:
        return os.environ["PARLEY_URL"]
    return request.getfixturevalue("serve")().url


class Watch:
    """What must not happen on any page: an error of a script, a breach of the policy, a request elsewhere."""

    def __init__(self, context):
        self.problems = []
        self.allows_errors = False
        context.on("page", self._follow)

    def _follow(self, page):
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("dialog", self._dialog)
        page.on("console", self._console)
        page.on("request", lambda request: self._request(page, request))

    def _dialog(self, dialog):
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _console(self, message):
        expected = ("Failed to load resource", "WebSocket connection", "/vendor/")
        is_network = any(words in message.text for words in expected)
        if message.type == "error" and not (is_network and self.allows_errors):
            self.problems.append(f"console: {message.text}")

    def _request(self, page, request):
        if page.url.startswith("http") and not request.url.startswith(("data:", "blob:")):
            origin = "/".join(page.url.split("/")[:3])
            if not request.url.startswith(origin + "/"):
                self.problems.append(f"request: {request.url}")


@pytest.fixture
def open_page(browser):
    """Makes pages, each in a browser of its own, and looks after all of them."""
    contexts = []
    watches = []

    def make(url, width=1280, height=800, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, locale="en-US", **options)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        contexts.append(context)
        watch = Watch(context)
        watches.append(watch)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        chat = Chat(page, url)
        chat.watch = watch
        return chat

    yield make
    problems = [problem for watch in watches for problem in watch.problems]
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture
def chat(open_page, address):
    """The page, freshly opened."""
    chat = open_page(address)
    chat.open()
    return chat
