"""Every checker of the suite finds what it is there for, and says nothing of what is right."""

import uuid

import pytest
import report
import sabotage
from fault import REGISTER
from people import Journal
from screen import KINDS, Positions, Screen, Violations, words


def wire(count=40, epoch=1):
    """The events of an answer of so many words."""
    text = words(count)
    pieces = [piece if number == 0 else " " + piece for number, piece in enumerate(text.split(" "))]
    events = [{"type": "started", "id": f"{epoch}-1", "model": "m"}]
    events += [{"type": "delta", "id": f"{epoch}-{number + 2}", "text": piece} for number, piece in enumerate(pieces)]
    events.append({"type": "completed", "id": f"{epoch}-{count + 2}", "textLength": len(text)})
    return events


def show(events, relay=None, positions=None, violations=None, expected=words(40)):
    violations = violations if violations is not None else Violations()
    screen = Screen("a reader", violations, positions or Positions(), expected)
    relay = relay or sabotage.relay(None)
    for event in events:
        for passed in relay(event):
            if screen.apply(passed) == "gap":
                return screen
    return screen


def end(screen, text=words(40), state="completed"):
    screen.check_end({"state": state, "text": text})
    return screen.violations.kinds


def test_an_answer_as_it_should_be():
    screen = show(wire())
    assert end(screen) == set() and screen.text == words(40)


def test_a_takeover_as_it_should_be():
    """The successor knows less than the reader has, says so, and makes the rest again."""
    old, text = wire()[:20], words(40)
    new = [
        {"type": "started", "id": "2-1", "model": "m"},
        {"type": "replace", "id": "2-2", "from": 30, "text": ""},
        {"type": "delta", "id": "2-3", "text": text[30:]},
        {"type": "completed", "id": "2-4", "textLength": len(text)},
    ]
    positions = Positions()
    early, late = show(old + new, positions=positions), show(new_from_database(text), positions=positions)
    assert end(early) == set() and end(late) == set()
    assert early.taken_back == len("".join(e.get("text", "") for e in old)) - 30


def new_from_database(text):
    """What a reader gets that comes when only the database knows the turn."""
    return [
        {"type": "started", "id": "2-1", "model": "m"},
        {"type": "replace", "id": "2-3", "from": 0, "text": text},
        {"type": "completed", "id": "2-4", "textLength": len(text)},
    ]


@pytest.mark.parametrize("name", sorted(sabotage.KINDS))
def test_a_broken_relay_is_found(name):
    make, expected = sabotage.KINDS[name]
    positions, violations = Positions(), Violations()
    show(wire(), positions=positions)
    screen = show(wire(), make(), positions, violations)
    if screen.finished is None and "gap" not in violations.kinds:
        violations.add("stuck", "what the suite says when the time is over")
    assert end(screen) & expected, violations.found


@pytest.mark.parametrize("name", ["duplicate", "drop-silently", "change"])
def test_readers_that_differ_are_found_without_the_words(name):
    """Also with a model whose words nobody knows."""
    positions, violations = Positions(), Violations()
    show(wire(), positions=positions, expected=None)
    show(wire(), sabotage.relay(name), positions, violations, expected=None)
    assert "fork" in violations.kinds


def test_an_old_owner_that_goes_on_is_found():
    """Two writers at one epoch: each reader alone sees nothing wrong."""
    positions, violations = Positions(), Violations()
    other = [dict(event) for event in wire()]
    other[20]["text"] = " other"
    show(wire(), positions=positions, violations=violations, expected=None)
    show(other, positions=positions, violations=violations, expected=None)
    assert violations.kinds == {"fork"}


def test_a_client_that_shows_everything_is_found():
    """One that forgets its position reads from the start and shows the beginning twice."""

    class Naive(Screen):
        def apply(self, event):
            self.last = (0, 0) if event["type"] == "started" else self.last
            return super().apply(event)

    violations = Violations()
    screen = Naive("a reader", violations, Positions(), words(40))
    for event in wire()[:20] + wire():
        screen.apply(event)
    assert "display" in violations.kinds and "end" in end(screen)


@pytest.mark.parametrize(
    ("state", "text"), [("stopped", words(40)), ("completed", words(39)), ("completed", words(40) + " ")]
)
def test_a_database_that_says_otherwise_is_found(state, text):
    assert "end" in end(show(wire()), text, state)


class Rows:
    """A database that answers with these rows."""

    def __init__(self, *rows):
        self.found = rows

    def rows(self, query):
        return [tuple(value.replace("-", "") if i != 1 else value for i, value in enumerate(row)) for row in self.found]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda row: [row], None),
        (lambda row: [], "lost"),
        (lambda row: [(row[0], "hellp", row[2], row[3])], "lost"),
        (lambda row: [(row[0], row[1], str(uuid.uuid4()), row[3])], "lost"),
        (lambda row: [(row[0], row[1], row[2], str(uuid.uuid4()))], "lost"),
        (lambda row: [row, (row[0], row[1], row[2], str(uuid.uuid4()))], "double"),
    ],
)
def test_the_journal(change, kind):
    journal, violations = Journal(), Violations()
    message, conversation, turn = (str(uuid.uuid4()) for _ in range(3))
    journal.attempt(message, conversation, "hello")
    journal.acknowledge(message, {"id": turn})
    journal.check(Rows(*change((message, "hello", conversation, turn))), violations)
    assert (kind in violations.kinds) if kind else not violations.found


def test_a_message_without_acknowledgement_may_be_missing():
    journal, violations = Journal(), Violations()
    journal.attempt(str(uuid.uuid4()), str(uuid.uuid4()), "hello")
    journal.check(Rows(), violations)
    assert not violations.found


def test_percentiles():
    assert report.percentile(range(1, 101), 50) == 50
    assert report.percentile(range(1, 101), 99) == 99
    assert report.percentile([3.0], 99) == 3.0


def test_the_report_keeps_what_was_not_tried(tmp_path, monkeypatch):
    import faults_nodes  # noqa: F401

    monkeypatch.setattr(report, "PATH", tmp_path / "reliability.md")
    result = {
        "fault": "kill-owner", "runs": 200, "violations": 0, "recoveries": [1.0, 2.0], "goal": 7.0, "date": "2026-11-28",
        "nodes": "3 nodes",
    }
    report.write([result], sabotage.KINDS)
    report.write([{**result, "fault": "stop-owner", "runs": 50, "recoveries": [], "goal": None}], sabotage.KINDS)
    text = report.PATH.read_text()
    assert "| `kill-owner` | 200 | 0 | 1.00 s | 2.00 s | 2.00 s | ≤ 7 s | 3 nodes, 2026-11-28 |" in text
    assert "| `stop-owner` | 50 | 0 |" in text
    assert all(f"`{name}`" in text for name in REGISTER) and all(f"*{kind}*" in text for kind in KINDS)


