"""`parley ingest`: real processes that are killed, ended and watched, on real files."""

import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
import zipfile

import pytest
from documents import pdf
from parley_process import Client, free_port, serve

ENVIRONMENT = {"OPENAI_API_KEY": "", "OPENAI_BASE_URL": ""}


def command(folder, *arguments):
    return [os.environ["PARLEY_BIN"], "ingest", "--data-dir", str(folder / "data"), *map(str, arguments)]


def ingest(folder, *arguments, patience=120, env=None):
    return subprocess.run(
        command(folder, *arguments), cwd=folder, env={**os.environ, **ENVIRONMENT, **(env or {})},
        capture_output=True, text=True, timeout=patience,
    )


def start(folder, *arguments):
    return subprocess.Popen(
        command(folder, *arguments), cwd=folder, env={**os.environ, **ENVIRONMENT},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )


def rows(folder, query, *values):
    """Reads the database beside whoever writes it."""
    connection = sqlite3.connect(f"file:{folder}/data/parley.db?mode=ro", uri=True, timeout=10)
    try:
        return connection.execute(query, values).fetchall()
    finally:
        connection.close()


def documents(folder):
    return {
        name: (state, count, failure)
        for name, state, count, failure in rows(
            folder, "SELECT name, state, passage_count, failure FROM documents ORDER BY name"
        )
    }


def live_texts(folder, name):
    return [
        text
        for (text,) in rows(
            folder,
            """
            SELECT t.text FROM documents AS d JOIN passages AS p ON p.document = d.row AND p.version = d.live_version
            JOIN passage_texts AS t ON t.number = p.number WHERE d.name = ? ORDER BY p.ordinal
            """,
            name,
        )
    ]


def prose(paragraphs, seed="fact"):
    return "\n\n".join(" ".join(f"{seed}{n}x{w}" for w in range(60)) + "." for n in range(paragraphs))


def wait_until(condition, patience=60):
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.02)


@pytest.fixture
def notes(tmp_path):
    folder = tmp_path / "notes"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / ".git").mkdir()
    (folder / "fruit.md").write_text("# Fruit\n\nApples grow on trees.")
    (folder / "deep" / "wheels.txt").write_text("Bicycles roll on wheels.")
    (folder / "deep" / "er" / "data.csv").write_text("city,people\nVienna,2000000\nGraz,300000\n")
    (folder / ".git" / "config").write_text("hidden")
    (folder / ".hidden.txt").write_text("hidden")
    (folder / "empty.txt").write_text("")
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(500))
    return folder


def test_a_folder_without_a_server(tmp_path, notes):
    """The command reads the documents itself; a second run finds nothing to do."""
    result = ingest(tmp_path, notes, "--collection", "Notes")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "3 added" in result.stdout and "2 hidden" in result.stdout and "1 no documents" in result.stdout
    assert "1 empty" in result.stdout
    found = documents(tmp_path)
    assert set(found) == {"notes/fruit.md", "notes/deep/wheels.txt", "notes/deep/er/data.csv"}
    assert all(state == "ready" and count > 0 for state, count, _ in found.values())
    again = ingest(tmp_path, notes, "--collection", "Notes")
    assert again.returncode == 0 and "3 unchanged" in again.stdout and "added" not in again.stdout
    assert os.listdir(tmp_path / "data" / "tmp") == []


def test_a_folder_beside_a_server(tmp_path, notes):
    """A running server reads the documents, and finds them by the next request."""
    server = serve(tmp_path / "data", free_port())
    try:
        result = ingest(tmp_path, notes)
        assert result.returncode == 0, result.stdout + result.stderr
        assert "The running server reads" in result.stdout and "3 added" in result.stdout
        assert all(state == "ready" for state, _, _ in documents(tmp_path).values())
        client = Client(server.port)
        status, found = client.request("GET", "/api/search?q=apples+on+trees")
        assert status == 200 and found["passages"][0]["text"] == "Apples grow on trees."
        document = found["passages"][0]["documentID"]
        assert client.request("DELETE", f"/api/documents/{document}")[0] == 204
        assert not client.request("GET", "/api/search?q=apples+on+trees")[1]["passages"]
    finally:
        server.kill()


def test_a_changed_file_is_replaced(tmp_path, notes):
    ingest(tmp_path, notes)
    (notes / "fruit.md").write_text("# Fruit\n\nPears grow on trees.")
    result = ingest(tmp_path, notes)
    assert "1 replaced, 2 unchanged" in result.stdout
    assert live_texts(tmp_path, "notes/fruit.md") == ["Pears grow on trees."]


def test_delete_removes_only_what_is_gone_below_the_folder(tmp_path, notes):
    (tmp_path / "single.txt").write_text("A file by itself.")
    ingest(tmp_path, notes, tmp_path / "single.txt")
    (notes / "fruit.md").unlink()
    assert "removed" not in ingest(tmp_path, notes).stdout
    result = ingest(tmp_path, notes, "--delete")
    assert "1 removed" in result.stdout
    assert set(documents(tmp_path)) == {"notes/deep/wheels.txt", "notes/deep/er/data.csv", "single.txt"}


def test_links_never_lead_out(tmp_path, notes):
    (tmp_path / "secret.txt").write_text("the secret")
    (notes / "out.txt").symlink_to(tmp_path / "secret.txt")
    (notes / "out").symlink_to(tmp_path)
    (notes / "round").symlink_to(notes)
    (notes / "nowhere").symlink_to(notes / "missing")
    os.mkfifo(notes / "pipe.txt")
    (notes / ".store").mkdir()
    (notes / ".store" / "linked.txt").write_text("Reached by a link within.")
    (notes / "linked.txt").symlink_to(notes / ".store" / "linked.txt")
    result = ingest(tmp_path, notes)
    assert result.returncode == 0, result.stderr
    assert "3 links that lead out" in result.stdout and "1 special files" in result.stdout
    assert "notes/linked.txt" in documents(tmp_path)
    assert not any("secret" in text for name in documents(tmp_path) for text in live_texts(tmp_path, name))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["missing.txt"], "No such file"),
        (["--collection", "X"], "Missing expected argument"),
        (["/dev/null"], "neither a file nor a folder"),
        (["notes", "--user", "nobody@example.org"], "no user"),
        (["notes", "other/notes"], "two collections"),
        (["http://127.0.0.1/x"], "public Internet"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path, notes, arguments, reason):
    (tmp_path / "other" / "notes").mkdir(parents=True)
    result = ingest(tmp_path, *arguments)
    assert result.returncode != 0
    assert reason in result.stderr + result.stdout


def bad_files(folder):
    folder.mkdir()
    (folder / "empty.txt").write_bytes(b"")
    (folder / "nul.txt").write_bytes(bytes(100_000))
    (folder / "picture.txt").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(500))
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\nnothing else")
    with zipfile.ZipFile(folder / "bomb.docx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open("word/document.xml", "w", force_zip64=True) as file:
            file.write(b"<w:document>")
            for _ in range(600):
                file.write(b" " * 1_000_000)
    return sorted(folder.iterdir())


def test_bad_files_end_with_a_reason(tmp_path):
    """Named files that are no documents are failures with a reason each; memory stays bounded."""
    files = bad_files(tmp_path / "bad")
    result = ingest(tmp_path, *files, tmp_path / "bad" / "nul.txt")
    assert result.returncode == 1
    for file in files:
        line = next(line for line in result.stderr.splitlines() if file.name in line)
        assert len(line.split(": ", 1)[1]) > 10, line
    assert os.listdir(tmp_path / "data" / "tmp") == []


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="poppler-utils is not installed")
def test_a_pdf_of_300_pages(tmp_path):
    """Every page is found, under its own number."""
    pages = [
        [f"Page {page} line {line} tells of number {page * 100 + line}." for line in range(40)]
        for page in range(1, 301)
    ]
    (tmp_path / "long.pdf").write_bytes(pdf(pages))
    result = ingest(tmp_path, tmp_path / "long.pdf")
    assert result.returncode == 0, result.stdout + result.stderr
    found = dict(rows(tmp_path, "SELECT t.page, group_concat(t.text) FROM passage_texts AS t GROUP BY t.page"))
    for page in (1, 150, 300):
        assert f"Page {page} line 39 tells of number {page * 100 + 39}." in found[page]


def test_memory_is_bounded(tmp_path):
    """A large text is read in memory that does not grow with it."""
    megabytes = int(os.environ.get("PARLEY_TEST_MEGABYTES", "20"))
    path = tmp_path / "large.txt"
    with path.open("w") as file:
        line = 0
        while file.tell() < megabytes * 1_000_000:
            file.write(" ".join(f"word{line}x{w}" for w in range(40)) + ".\n\n")
            line += 1
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    started = time.monotonic()
    result = ingest(tmp_path, path, patience=3000, env={"PARLEY_EMBEDDING_MODEL": "none"})
    seconds = time.monotonic() - started
    assert result.returncode == 0, result.stdout + result.stderr
    peak = max(before, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024
    print(f"{megabytes} MB: {seconds:.1f} s, {megabytes / seconds:.2f} MB/s, peak {peak:.0f} MB")
    assert peak < 400


def test_kill_at_random_moments(tmp_path):
    """kill -9 again and again: in the end every passage is there exactly once, as in a run that nobody disturbed."""
    (tmp_path / "undisturbed").mkdir()
    path = tmp_path / "long.txt"
    path.write_text(prose(4000))
    assert ingest(tmp_path / "undisturbed", path).returncode == 0
    expected = live_texts(tmp_path / "undisturbed", "long.txt")
    assert len(expected) > 1000
    random.seed(7)
    # Twice: a document that ends its reader three times is set aside.
    for _ in range(2):
        process = start(tmp_path, path)
        count = random.randrange(1, len(expected) // 2)
        wait_until(lambda: (tmp_path / "data" / "parley.db").exists() and staged(tmp_path) >= count)
        assert process.poll() is None and not live_texts(tmp_path, "long.txt")
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)
        # The lease of the dead process would hold the next one up for half a minute.
        end_leases(tmp_path)
    result = ingest(tmp_path, path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert live_texts(tmp_path, "long.txt") == expected
    (doubled,) = rows(tmp_path, "SELECT count(*) - count(DISTINCT ordinal) FROM passages")[0]
    assert doubled == 0
    assert len(documents(tmp_path)) == 1


def end_leases(folder):
    connection = sqlite3.connect(folder / "data" / "parley.db", timeout=10)
    try:
        connection.execute("UPDATE jobs SET lease_end = 0 WHERE state = 'running'")
        connection.commit()
    finally:
        connection.close()


def test_control_c_and_again(tmp_path):
    """Ctrl-C hands the job back at once; the same command again goes on without waiting for a lease."""
    path = tmp_path / "long.txt"
    path.write_text(prose(6000))
    process = start(tmp_path, path)
    wait_until(lambda: (tmp_path / "data" / "parley.db").exists() and staged(tmp_path) > 0)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert "run the same command again" in errors
    assert "running" not in [state for (state,) in rows(tmp_path, "SELECT state FROM jobs")]
    before = staged(tmp_path)
    started = time.monotonic()
    result = ingest(tmp_path, path)
    assert result.returncode == 0 and "1 added" in result.stdout, result.stdout + result.stderr
    assert time.monotonic() - started < 60
    assert len(live_texts(tmp_path, "long.txt")) >= before


def staged(folder):
    try:
        return rows(folder, "SELECT count(*) FROM passages")[0][0]
    except sqlite3.OperationalError:
        return 0


def test_watch(tmp_path, notes):
    """New and changed files are taken, a file that is being written is left until it is whole, --delete removes."""
    process = start(tmp_path, notes, "--watch", "--delete")
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(process.stdout), daemon=True)
    reader.start()
    try:
        wait_until(lambda: any("Watching" in line for line in lines))
        (notes / "new.txt").write_text("Boats float on water.")
        (notes / "fruit.md").write_text("Pears grow on trees.")
        (notes / "deep" / "wheels.txt").unlink()
        wait_until(lambda: documents(tmp_path).get("notes/new.txt", ("",))[0] == "ready")
        wait_until(lambda: live_texts(tmp_path, "notes/fruit.md") == ["Pears grow on trees."])
        wait_until(lambda: "notes/deep/wheels.txt" not in documents(tmp_path))
        # Grows for some seconds: what is taken is the whole.
        with (notes / "growing.txt").open("w") as file:
            for number in range(30):
                file.write(f"Line {number} of the growing file.\n")
                file.flush()
                time.sleep(0.1)
        wait_until(lambda: documents(tmp_path).get("notes/growing.txt", ("",))[0] == "ready")
        assert "Line 29" in "".join(live_texts(tmp_path, "notes/growing.txt"))
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
