"""Background work under the death of its workers: every effect is committed once, nothing is lost."""

import http.client
import json
import os
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

from fault import fault
from people import AGAIN
from redis_server import is_installed

WORKERS = 2
# How long nothing may be done before the work counts as stuck: a lease of a job, and some.
STUCK_SECONDS = 120.0

# Every commit that completes a job leaves a row, whoever makes it: a second one would be an effect that came twice.
JOURNAL = """
    CREATE TABLE IF NOT EXISTS chaos_effects (job BLOB NOT NULL);
    CREATE TRIGGER IF NOT EXISTS chaos_completed AFTER UPDATE OF state ON jobs WHEN new.state = 'completed' BEGIN
        INSERT INTO chaos_effects(job) VALUES (new.id);
    END;
    CREATE TABLE IF NOT EXISTS chaos_known (job BLOB PRIMARY KEY);
"""


def job_worker():
    """The program that fills a queue with jobs that do nothing and works on them; None when it is not built."""
    path = os.environ.get("JOB_WORKER_BIN")
    if not path and os.environ.get("PARLEY_BIN"):
        path = str(Path(os.environ["PARLEY_BIN"]).with_name("job-worker"))
    return path if path and os.access(path, os.X_OK) else None


class Workers:
    """Processes that work on jobs, killed and started again."""

    def __init__(self, trial, database, redis):
        self.command = [job_worker(), "work", "--database", str(database), "--stay", "--work-ms", "5"]
        if redis:
            self.command += ["--redis-url", redis.url]
        self.log = open(trial.folder / "workers.log", "ab")
        self.processes = []

    def start(self):
        self.processes.append(subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=self.log))

    def kill_one(self, chance):
        process = self.processes.pop(chance.randrange(len(self.processes)))
        process.kill()
        process.wait(timeout=10)

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait(timeout=10)
        self.log.close()


@fault(
    "jobs-under-kills", timed="from the kill of a worker to the next job that is done", runs=10_000, short=1500, bare=True,
    hindrance=lambda: None if job_worker() and is_installed() else "needs the program job-worker and redis-server",
)
def jobs_under_kills(trial):
    """Two workers share a queue of jobs. One of them is killed with `kill -9` every one or two seconds, and every fourth
    time the queue is flushed; each job's end must be committed exactly once. A run is a job."""
    trial.count(trial.options.runs)
    database = trial.folder / "parley.db"
    fill = [job_worker(), "fill", "--database", str(database)]
    subprocess.run([*fill, "--jobs", "0"], check=True, stdout=subprocess.DEVNULL, timeout=60)
    rows = sqlite3.connect(database, timeout=30, isolation_level=None)
    rows.executescript(JOURNAL)
    workers = Workers(trial, database, trial.redis)
    filling = None
    try:
        filling = subprocess.Popen([*fill, "--jobs", str(trial.options.runs), "--fast"], stdout=subprocess.DEVNULL)
        for _ in range(WORKERS):
            workers.start()
        kills = kill_until_done(trial, rows, workers)
        trial.note("kills", kills)
    finally:
        if filling:
            filling.kill()
            filling.wait(timeout=10)
        workers.close()
    check_jobs(trial, rows)
    rows.close()


def done(rows):
    return rows.execute("SELECT count(DISTINCT job) FROM chaos_effects").fetchone()[0]


def kill_until_done(trial, rows, workers):
    """Kills and starts workers until every job is done. Returns the number of kills."""
    kills, moved, count = 0, time.monotonic(), -1
    while True:
        pause_until = time.monotonic() + trial.chance.uniform(1, 2)
        while time.monotonic() < pause_until:
            now = done(rows)
            if now != count:
                count, moved = now, time.monotonic()
            if count >= trial.options.runs:
                return kills
            time.sleep(0.05)
        if time.monotonic() - moved > STUCK_SECONDS:
            trial.violate("stuck", f"{count} of {trial.options.runs} jobs are done, and none for {STUCK_SECONDS:.0f} s")
            return kills
        if trial.redis and kills % 4 == 3:
            trial.redis.call("FLUSHALL")
            trial.note("flushes")
        workers.kill_one(trial.chance)
        killed = time.monotonic()
        workers.start()
        kills += 1
        while (now := done(rows)) == count and time.monotonic() - killed < STUCK_SECONDS:
            time.sleep(0.01)
        trial.recovered(time.monotonic() - killed)
        count, moved = now, time.monotonic()


def check_jobs(trial, rows):
    states = dict(rows.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall())
    total = sum(states.values())
    effects = rows.execute("SELECT count(*), count(DISTINCT job) FROM chaos_effects").fetchone()
    if total < trial.options.runs:
        trial.violate("lost", f"{trial.options.runs} jobs were given, {total} are there")
    if effects[0] != effects[1]:
        trial.violate("double", f"{effects[0]} effects of {effects[1]} jobs")
    if effects[1] < trial.options.runs:
        trial.violate("lost", f"{effects[1]} of {trial.options.runs} jobs were done; states: {states}")
    if states.get("dead"):
        trial.violate("lost", f"{states['dead']} jobs were set aside")
    trial.note("deliveries", rows.execute("SELECT sum(deliveries) FROM jobs").fetchone()[0] or 0)


# Documents: the same with real work on real nodes.

BOUNDARY = "parley-chaos"


def upload(user, node, name, text):
    """Uploads one document; returns its id, or None when this try was not acknowledged."""
    body = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n{text}\r\n--{BOUNDARY}--\r\n'
    ).encode()
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=10)
    cookie = user.cookie
    try:
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Cookie": cookie}
        connection.request("POST", "/api/documents", body, headers)
        response = connection.getresponse()
        data = response.read()
        if response.status == 202:
            return json.loads(data)["document"]["id"]
        if response.status == 401:
            user.sign_in(stale=cookie)
        elif response.status not in AGAIN:
            user.violations.add("failed", f"upload of {name}: {response.status} {data[:200]!r}")
        return None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def upload_all(trial, user, count, acknowledged):
    for number in range(count):
        text = f"Entry {number}: the keeper of lighthouse {number} counts {number * 7 + 3} ships a night."
        end = time.monotonic() + 60
        while time.monotonic() < end:
            nodes = trial.cluster.up
            id = upload(user, user.chance.choice(nodes), f"entry-{number}.txt", text) if nodes else None
            if id:
                acknowledged[id] = number
                time.sleep(user.chance.uniform(0, 0.2))
                break
            time.sleep(0.1)
        else:
            trial.violate("failed", f"document {number} was not taken within 60 s")


@fault(
    "documents-under-kills", timed="from the first upload until all documents are ready", runs=300, short=0,
    environment={"PARLEY_EMBEDDING_MODEL": ""},
)
def documents_under_kills(trial):
    """Documents are uploaded, read and indexed while one node after the other is killed with `kill -9` every one or two
    seconds, and Redis is flushed now and then. Each is there once, with its passage, and is found. A run is a document."""
    trial.count(trial.options.runs)
    acknowledged = {}
    uploading = threading.Thread(
        target=upload_all, args=(trial, trial.user, trial.options.runs, acknowledged), daemon=True
    )
    start = time.monotonic()
    uploading.start()
    kills = 0
    while uploading.is_alive() or not are_settled(trial, acknowledged):
        if time.monotonic() - start > STUCK_SECONDS + trial.options.runs:
            trial.violate("stuck", "documents are not ready in time")
            break
        trial.pause(1, 2)
        # After the uploads there is an end to it: a job whose worker died three times is set aside, rightly.
        if uploading.is_alive() and kills < trial.options.runs // 8 + 2:
            node = trial.pick()
            node.kill()
            if trial.redis and kills % 4 == 3:
                trial.redis.call("FLUSHALL")
            node.start()
            kills += 1
    uploading.join(timeout=60)
    trial.recovered(time.monotonic() - start)
    trial.note("kills", kills)
    check_documents(trial, acknowledged)


def documents(trial):
    return trial.cluster.rows(
        "SELECT lower(hex(d.id)), d.state, (SELECT count(*) FROM passages p WHERE p.document = d.row) FROM documents d"
    )


def are_settled(trial, acknowledged):
    states = [state for _, state, _ in documents(trial)]
    return len(states) >= len(acknowledged) and all(state in ("ready", "failed") for state in states)


def check_documents(trial, acknowledged):
    stored = {id: (state, passages) for id, state, passages in documents(trial)}
    for id, number in acknowledged.items():
        found = stored.get(id.replace("-", "").lower())
        if found is None:
            trial.violate("lost", f"document {number} was acknowledged and is not there")
        elif found[0] != "ready":
            trial.violate("lost", f"document {number} is {found[0]}")
        elif found[1] != 1:
            trial.violate("double" if found[1] > 1 else "lost", f"document {number} has {found[1]} passages instead of 1")
    if len(stored) > trial.options.runs:
        trial.violate("double", f"{len(stored)} documents of {trial.options.runs} uploads")
    for number in trial.chance.sample(range(trial.options.runs), min(5, trial.options.runs)):
        found = trial.user.request("GET", f"/api/search?q=keeper+of+lighthouse+{number}&limit=5")["passages"]
        if not any(f"lighthouse {number} " in passage["text"] for passage in found):
            trial.violate("lost", f"document {number} is not found")


