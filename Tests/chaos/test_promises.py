"""What is late, lost, double or too much is called so: the checks of times, limits, jobs and documents."""

import os
import sqlite3
from types import SimpleNamespace

import faults_jobs
import faults_limits
import faults_nodes
import faults_redis
import faults_use
import people
import pytest
from chaos import attempt
from fault import REGISTER
from people import Journal, NotDone, User
from readers import Reader
from screen import Positions, Screen, Violations
from trial import Options, Trial


@pytest.fixture
def trial(monkeypatch):
    monkeypatch.setattr("trial.understands", lambda flag: False)
    trial = Trial(REGISTER["kill-owner"], Options(runs=3, is_quiet=True))
    yield trial
    trial.violations.found.clear()
    trial.close()


def reader(trial, arrivals, connections):
    """A reader that has seen events at these moments."""
    made = Reader(None, "turn", Screen("a reader", trial.violations, Positions()), None)
    made.arrivals = [(moment, node, epoch, "delta") for moment, node, epoch in arrivals]
    made.connections = connections
    return made


def test_a_late_takeover(trial):
    since = 100.0
    for first, kinds in [(106.9, set()), (107.2, {"late"})]:
        story = SimpleNamespace(readers=[reader(trial, [(99.0, 1, 1), (101.0, 1, 1), (first, 2, 2)], [])])
        for _, seconds in trial.takeover_times([story], since):
            trial.recovered(seconds, 7.0)
        assert trial.violations.kinds == kinds
    assert trial.recoveries == pytest.approx([6.9, 7.2])


def test_a_handover_is_timed_between_epochs(trial):
    seen = reader(trial, [(1.0, 1, 1), (2.0, 1, 1), (4.5, 2, 2), (5.0, 2, 2)], [])
    assert list(faults_nodes.handovers(seen, [])) == [2.5]
    assert list(faults_nodes.handovers(seen, [1.5, 4.6])) == [1.0]


@pytest.mark.parametrize(
    ("moments", "connections", "kinds"),
    [
        ([10, 11, 12, 13, 14, 15, 16], [9], set()),
        ([10, 14, 16], [9], {"late"}),
        # Its connection was lost meanwhile, or its answer was over: no promise.
        ([10, 14, 16], [9, 12], set()),
        ([10, 11], [9], set()),
    ],
)
def test_silence_at_the_owner(trial, moments, connections, kinds):
    node = object()
    seen = reader(trial, [(moment, node, 1) for moment in moments], [(moment, node) for moment in connections])
    story = SimpleNamespace(owner=node, readers=[seen])
    faults_redis.check_owner_readers(trial, [story], start=10.0, end=15.0)
    assert trial.violations.kinds == kinds


@pytest.mark.parametrize(
    ("passed", "without_wait", "kind"), [(33, 0, None), (34, 0, None), (35, 0, "overshoot"), (20, 0, "failed"), (33, 1, "failed")]
)
def test_more_than_the_limit(trial, passed, without_wait, kind):
    hammers = SimpleNamespace(passed=passed, refused=100, without_wait=without_wait)
    faults_limits.check(trial, hammers, seconds=6.0, bursts=1)
    assert trial.violations.kinds == ({kind} if kind else set())


def jobs(*states):
    rows = sqlite3.connect(":memory:")
    rows.execute("CREATE TABLE jobs (id INTEGER PRIMARY KEY, state TEXT, deliveries INTEGER)")
    rows.executescript(faults_jobs.JOURNAL)
    for state in states:
        rows.execute("INSERT INTO jobs(state, deliveries) VALUES ('running', 1)")
        rows.execute("UPDATE jobs SET state = ? WHERE id = last_insert_rowid()", [state])
    return rows


@pytest.mark.parametrize(
    ("states", "kinds"),
    [
        (["completed"] * 3, set()),
        (["completed"] * 2, {"lost"}),
        (["completed", "completed", "waiting"], {"lost"}),
        (["completed", "completed", "dead"], {"lost"}),
    ],
)
def test_jobs_that_are_lost(trial, states, kinds):
    faults_jobs.check_jobs(trial, jobs(*states))
    assert trial.violations.kinds == kinds


def test_a_job_whose_end_is_committed_twice(trial):
    rows = jobs(*["completed"] * 3)
    rows.execute("UPDATE jobs SET state = 'running' WHERE id = 2")
    rows.execute("UPDATE jobs SET state = 'completed' WHERE id = 2")
    faults_jobs.check_jobs(trial, rows)
    assert trial.violations.kinds == {"double"}


@pytest.mark.parametrize(
    ("rows", "kinds"),
    [
        ([("a1", "ready", 1)], set()),
        ([], {"lost"}),
        ([("a1", "failed", 0)], {"lost"}),
        ([("a1", "ready", 2)], {"double"}),
        ([("a1", "ready", 1), ("a2", "ready", 1)], {"double"}),
    ],
)
def test_documents(trial, rows, kinds):
    trial.options.runs = 1
    trial.cluster = SimpleNamespace(rows=lambda query: rows)
    found = {"passages": [{"text": "the keeper of lighthouse 0 counts"}]}
    trial.user = SimpleNamespace(request=lambda method, path: found)
    faults_jobs.check_documents(trial, {"a-1": 0})
    assert trial.violations.kinds == kinds


def test_a_request_that_never_comes_through(monkeypatch):
    monkeypatch.setattr(people, "TRIES", 3)
    monkeypatch.setattr(User, "sign_in", lambda self, **_: None)
    node = SimpleNamespace(port=1)
    user = User(SimpleNamespace(up=[node], nodes=[node]), Journal(), Violations())
    with pytest.raises(NotDone):
        user.request("GET", "/")
    assert user.retries == 3


needs_programs = pytest.mark.skipif("PARLEY_BIN" not in os.environ, reason="PARLEY_BIN must name the built program")


@needs_programs
def test_a_session_that_does_not_end(monkeypatch):
    """The sign-out gets lost: sockets stay open and nodes still know the session."""
    monkeypatch.setattr(faults_use, "CLOSE_PATIENCE_SECONDS", 1.0)
    monkeypatch.setattr(faults_use, "end_session", lambda *_, **__: None)
    found = attempt(REGISTER["session-revoke"], Options(runs=1, is_quiet=True, sabotage="repeat"))["found"]
    assert {kind for kind, _ in found} == {"late", "end"}


@needs_programs
def test_a_stop_that_gets_lost(monkeypatch):
    monkeypatch.setattr(faults_use, "send_stop", lambda *_: None)
    monkeypatch.setattr(faults_use, "STOP_PATIENCE_SECONDS", 1.0)
    found = attempt(REGISTER["stop-from-another-node"], Options(runs=1, only_round=0, is_quiet=True, sabotage="silence"))
    assert "late" in {kind for kind, _ in found["found"]}
