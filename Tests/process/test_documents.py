"""The real program from an uploaded file to an answer that quotes it, and what breaks on the way."""

import http.client
import http.server
import os
import shutil
import subprocess
import threading
import time

import pytest
from documents import Known, Reading, docx, pdf
from parley_process import free_port, scripted_model, serve, wait_until_ready

WORDS = ["amber", "basil", "cedar", "delta", "ember", "fjord", "grove", "heron", "islet", "jetty", "knoll", "lotus"]


def prose(seed, sentences):
    """Plain sentences that say nothing of what the tests ask for."""
    lines = []
    for number in range(sentences):
        chosen = [WORDS[(seed * 7 + number * 5 + place * 3) % len(WORDS)] for place in range(8)]
        lines.append(" ".join(chosen).capitalize() + ".")
        if number % 6 == 5:
            lines.append("\n\n")
    return " ".join(lines)


@pytest.fixture
def node(tmp_path):
    port = free_port()
    program = serve(tmp_path / "data", port)
    yield port
    program.kill()


@pytest.fixture
def reader(node):
    return Reading(node)


@pytest.fixture(scope="module")
def model():
    program = scripted_model()
    yield program
    program.kill()


def readiness(client):
    return client.request("GET", "/readyz")[1]["components"]["knowledge"]


def wait_for_index(client, patience=60.0):
    end = time.monotonic() + patience
    while readiness(client)["status"] != "ready":
        assert time.monotonic() < end, readiness(client)
        time.sleep(0.05)


def test_text_is_found_and_quoted(reader):
    """Upload, ready, search, an answer with its sources; after a delete nothing is left of it."""
    text = "# Handbook\n\n## Leave\n\nEvery zookeeper has thirty days of leave a year.\n\n" + prose(1, 60)
    document = reader.add("handbook.md", text.encode())
    assert document["passageCount"] > 0 and document["progress"] == 1
    found = reader.found("How many days of leave has a zookeeper?")
    assert "thirty days" in found["passages"][0]["text"]
    assert found["passages"][0]["documentID"] == document["id"]
    assert found["unready"] == []
    answer = reader.ask("How many days of leave has a zookeeper?")
    assert answer.sources[0]["documentID"] == document["id"]
    assert "thirty days" in answer.text and "[1]" in answer.text
    again = reader.upload([("copy.md", text.encode())])["document"]
    assert again["addition"] == "unchanged" and again["id"] == document["id"]
    assert reader.request("DELETE", f"/api/documents/{document['id']}")[0] == 204
    assert reader.found("How many days of leave has a zookeeper?")["passages"] == []
    assert reader.request("GET", f"/api/documents/{document['id']}")[0] == 404
    assert all(s["documentID"] != document["id"] for s in reader.ask("How many days of leave has a zookeeper?").sources)


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="poppler is not installed")
def test_a_pdf_is_quoted_with_its_page(reader):
    pages = [[f"{sentence}." for sentence in prose(n, 36).replace("\n", "").split(".")[:-1]] for n in range(6)]
    pages[3][10:12] = ["The warranty of the dishwasher lasts seven years.", "It covers the pump and the door."]
    document = reader.add("manual.bin", pdf(pages))
    assert document["mediaType"] == "application/pdf"
    passage = reader.found("How many years lasts the warranty of the dishwasher?")["passages"][0]
    assert passage["page"] == 4 and "seven years" in passage["text"]
    answer = reader.ask("How many years lasts the warranty of the dishwasher?")
    assert answer.sources[0]["page"] == 4 and answer.sources[0]["documentID"] == document["id"]
    assert "seven years" in answer.text


@pytest.mark.skipif(not shutil.which("pandoc"), reason="pandoc is not installed")
def test_a_docx_is_read(reader):
    reader.add("letter.docx", docx(["Dear reader,", "the ferry to Oban leaves at nine in the morning."]))
    assert "nine in the morning" in reader.found("When does the ferry to Oban leave?")["passages"][0]["text"]


def test_a_changed_file_takes_the_place_of_the_old(reader):
    first = reader.add("tide.txt", b"High tide at the harbour is at noon today.")
    changed = reader.upload([("tide.txt", b"High tide at the harbour is at midnight today.")])["document"]
    assert changed["addition"] == "replaced" and changed["id"] == first["id"]
    reader.settled(first["id"])
    texts = [p["text"] for p in reader.found("When is high tide at the harbour?")["passages"]]
    assert any("midnight" in t for t in texts) and not any("noon" in t for t in texts)


def test_collections_choose_where_an_answer_looks(reader):
    reader.add("a.txt", b"The gate code of the boathouse is osprey.", collection="Boats")
    status, _ = reader.request("POST", "/api/collections", {"name": "Empty"})
    assert status == 201
    question = "What is the gate code of the boathouse?"
    assert reader.found(question, collection="boats")["passages"]
    assert reader.found(question, collection="Empty")["passages"] == []
    assert "osprey" in reader.ask(question, collections=["Boats"]).text
    assert "osprey" not in reader.ask(question, collections=["Empty"]).text
    assert "osprey" not in reader.ask(question, collections=[]).text
    status, problem = reader.request(
        "POST", f"/api/conversations/{reader.conversation()}/messages", {"content": question, "collections": ["None"]}
    )
    assert status == 404 and problem["errors"][0]["field"] == "collections"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.txt", b""),
        ("zeros.txt", bytes(100_000)),
        ("noise.pdf", os.urandom(50_000)),
        ("broken.pdf", b"%PDF-1.7\n" + os.urandom(20_000)),
        ("broken.docx", docx(["x"])[:300]),
        pytest.param("bomb.docx", "bomb", id="bomb"),
    ],
)
def test_what_cannot_be_read_says_why(reader, name, content):
    if content == "bomb":
        content = docx(["Nothing here."], padding=1 << 30)
        assert len(content) < 4 << 20
    document = reader.settled(reader.upload([(name, content)])["document"]["id"], patience=120)
    assert document["state"] == "failed", document
    assert len(document["failure"]) > 10 and document["passageCount"] == 0
    status, again = reader.request("POST", f"/api/documents/{document['id']}/retry")
    assert status == 202 and again["document"]["state"] in ("pending", "indexing", "failed")
    assert reader.request("GET", "/readyz")[0] == 200


def test_killed_in_the_middle_of_indexing(tmp_path):
    """kill -9 while a document is read, several times over: it ends ready, whole and not twice."""
    port = free_port()
    text = "\n\n".join(f"Lot {n} is the {WORDS[n % 12]} {n * 37 % 1009} chest. {prose(n, 8)}" for n in range(400))
    text += "\n\nThe reserve of the auction is forty guineas."
    program = serve(tmp_path / "data", port)
    try:
        client = Reading(port)
        id = client.upload([("auction.txt", text.encode())])["document"]["id"]
        for _ in range(2):
            end = time.monotonic() + 30
            while client.document(id)["state"] == "pending" and time.monotonic() < end:
                time.sleep(0.005)
            program.kill()
            program = serve(tmp_path / "data", port)
        document = client.settled(id, patience=150)
        assert document["state"] == "ready", document
        passages = client.found("How many guineas is the reserve of the auction?", limit=50)["passages"]
        assert any("forty guineas" in p["text"] for p in passages)
        assert len({tuple(p["range"]) for p in passages}) == len(passages)
        assert [name for name in os.listdir(tmp_path / "data" / "spool")] == []
    finally:
        program.kill()


def test_the_index_is_made_again(tmp_path, model):
    """Its file deleted or damaged: the database has everything, and search by meaning comes back."""
    port = free_port()
    environment = {"PARLEY_EMBEDDING_MODEL": "scripted-itl1"}
    program = serve(tmp_path / "data", port, model.port, env=environment)
    try:
        client = Reading(port)
        wait_for_index(client)
        for number in range(3):
            client.add(f"{number}.txt", f"The {WORDS[number]} lighthouse is {number + 30} metres high.".encode())
        assert client.found("How high is the cedar lighthouse?")["usedVectors"]
        files = tmp_path / "data" / "index"
        for damage in (lambda path: path.unlink(), lambda path: path.write_bytes(b"\0" * path.stat().st_size)):
            program.terminate()
            saved = [path for path in files.rglob("*") if path.is_file()]
            assert saved, "the index was not saved"
            for path in saved:
                damage(path)
            program = serve(tmp_path / "data", port, model.port, env=environment)
            wait_until_ready(port)
            wait_for_index(client)
            found = client.found("How high is the cedar lighthouse?")
            assert found["usedVectors"] and "32 metres" in found["passages"][0]["text"]
    finally:
        program.kill()


def test_nothing_crosses_users(tmp_path):
    """Two users with accounts: neither finds the other's passages, by search or by answer; a shared collection works."""
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    program = serve(tmp_path / "data", port, None, "--public-origin", origin)
    try:
        wait_until_ready(port)
        database = tmp_path / "data" / "parley.db"
        ada, eve = Known(port, database, "ada"), Known(port, database, "eve")
        question = "What is the password of the vault?"
        ada.add("vault.txt", b"The password of the vault is marigold.", collection="Secrets")
        eve.add("vault.txt", b"The password of the vault is periwinkle.", collection="Secrets")
        assert "marigold" in ada.found(question)["passages"][0]["text"]
        for _ in range(2):
            for client, own, other in ((ada, "marigold", "periwinkle"), (eve, "periwinkle", "marigold")):
                texts = [p["text"] for p in client.found(question, limit=50)["passages"]]
                assert any(own in t for t in texts) and not any(other in t for t in texts)
                answer = client.ask(question)
                assert own in answer.text and other not in answer.text
                assert not any(other in s["text"] for s in answer.sources)
        secrets = ada.request("GET", "/api/collections")[1]["collections"][0]
        assert eve.request("GET", f"/api/collections/{secrets['id']}")[0] == 404
        assert eve.request("GET", f"/api/search?q=vault&collection={secrets['id']}")[0] == 404
        status, _ = ada.request("PATCH", f"/api/collections/{secrets['id']}", {"readers": [str(eve.id)]})
        assert status == 200
        texts = [p["text"] for p in eve.found(question, collection=secrets["id"])["passages"]]
        assert any("marigold" in t for t in texts)
        assert not any("periwinkle" in p["text"] for p in ada.found(question, limit=50)["passages"])
        assert eve.request("DELETE", f"/api/collections/{secrets['id']}")[0] == 404
        assert ada.request("PATCH", f"/api/collections/{secrets['id']}", {"readers": "owner"})[0] == 200
        assert not any("marigold" in p["text"] for p in eve.found(question, limit=50)["passages"])
    finally:
        program.kill()


class Pages(http.server.BaseHTTPRequestHandler):
    """A page, and one that leads away."""

    def do_GET(self):
        leads_away = self.path == "/away"
        self.send_response(302 if leads_away else 200)
        body = b"<html><title>Tides</title><h1>Tides</h1><p>The ferry waits for the spring tide at Corran.</p></html>"
        if leads_away:
            self.send_header("Location", "http://localhost:1/secret")
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "0" if leads_away else str(len(body)))
        self.end_headers()
        if not leads_away:
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def pages():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def test_links(tmp_path, pages):
    """A link becomes a document; hosts of the own network are refused unless they are allowed, behind redirects too."""
    port = free_port()
    program = serve(tmp_path / "data", port, env={"PARLEY_LINKS_PRIVATE_HOSTS": "127.0.0.1"})
    try:
        client = Reading(port)
        link = f"http://127.0.0.1:{pages}/tides.html"
        status, body = client.request("POST", "/api/documents", {"url": link + "#ferry", "collection": "Web"})
        assert status == 202 and body["document"]["name"] == link, body
        document = client.settled(body["document"]["id"])
        assert document["state"] == "ready" and document["mediaType"] == "text/html", document
        assert "spring tide" in client.found("Where does the ferry wait for the spring tide?")["passages"][0]["text"]
        for refused in (
            f"http://localhost:{pages}/tides.html",
            f"http://127.0.0.1:{pages}/away",
            "http://[::1]/",
            "http://0x7f.1/",
            "http://169.254.169.254/latest/meta-data/",
            "file:///etc/passwd",
            "nonsense",
        ):
            status, problem = client.request("POST", "/api/documents", {"url": refused})
            assert status == 422 and problem["errors"][0]["field"] == "url", (refused, problem)
        assert len(client.request("GET", "/api/documents")[1]["documents"]) == 1
        assert os.listdir(tmp_path / "data" / "spool") == []
    finally:
        program.kill()


def test_operators_see_what_works(tmp_path):
    """`doctor`, `/metrics` and `/api/admin/jobs` tell of documents, index and jobs."""
    port = free_port()
    program = serve(tmp_path / "data", port)
    try:
        client = Reading(port)
        client.add("note.txt", b"The kettle is on the left shelf.")
        client.found("kettle")
        end = time.monotonic() + 40
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/metrics")
            metrics = connection.getresponse().read().decode()
            connection.close()
            if 'parley_documents{state="ready"} 1' in metrics:
                break
            assert time.monotonic() < end, metrics
            time.sleep(0.2)
        for name in (
            'parley_jobs{state="dead"} 0',
            "parley_jobs_oldest_waiting_seconds",
            "parley_search_duration_seconds_count",
            'parley_index_lag{index="passages"}',
            "parley_upload_bytes_total",
        ):
            assert name in metrics, name
        jobs = client.request("GET", "/api/admin/jobs?state=completed")[1]["jobs"]
        assert [job["kind"] for job in jobs] == ["document.read"]
        doctor = subprocess.run(
            [os.environ["PARLEY_BIN"], "doctor", "--data-dir", str(tmp_path / "data")],
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "OPENAI_API_KEY": "", "OPENAI_BASE_URL": ""},
        )
        assert doctor.returncode == 0, doctor.stdout + doctor.stderr
        for words in ("PDF", "pandoc", "background jobs: 0 waiting, 0 running, 0 set aside", "index of vectors"):
            assert words in doctor.stdout, doctor.stdout
    finally:
        program.kill()
