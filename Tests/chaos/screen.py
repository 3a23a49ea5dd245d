"""What a reader shows, and everything that is checked about it: pure values, without a wire or a clock.

The rule of the wire is the page's (turn-reader.js, ReaderPosition.swift): drop what was seen, obey `replace`, never
leave a gap. The page forgives much: it drops what comes twice and asks again when something is missing. `Screen` shows
by the same rule, but calls each of these a violation, since the server promises more: on one connection, ids only grow
and nothing is missing.
"""

import threading

# The built-in words of the scripted model (Sources/ParleyTesting/ScriptedAnswer.swift).
WORDS = (
    "water stone river cloud amber field north quiet light paper grain hollow maple copper window garden silver winter"
    " lantern meadow"
).split()

ENDS = ("completed", "stopped", "failed")

# What can be violated, in the words of docs/reliability.md.
KINDS = {
    "gap": "an event is missing on a connection",
    "repeat": "an event comes that the reader has",
    "display": "a screen shows what the model has not said",
    "fork": "two readers have different texts at one position",
    "after-end": "an event comes after the end of an answer",
    "end": "a screen, a node or the database disagree about how an answer ended",
    "stuck": "an answer or a request does not come to its end in time",
    "lost": "an acknowledged write is gone",
    "double": "a write that was sent again took effect twice",
    "failed": "a request fails although it was sent again",
    "late": "something takes longer than promised",
    "overshoot": "more requests pass a limit than stated",
    "died": "a node ended that nobody had ended",
}


def words(count):
    """The answer of `scripted-lenN`."""
    return " ".join(WORDS[(index * 7 + index // 20) % len(WORDS)] for index in range(count))


class Violations:
    """What went wrong, from any thread. Each says how to repeat it."""

    def __init__(self):
        self.found = []
        self._lock = threading.Lock()

    def add(self, kind, detail):
        assert kind in KINDS, kind
        with self._lock:
            self.found.append((kind, detail))

    def __len__(self):
        return len(self.found)

    @property
    def kinds(self):
        return {kind for kind, _ in self.found}


def event_id(text):
    epoch, sequence = text.split("-")
    return int(epoch), int(sequence)


class Positions:
    """The text of one turn at each position, as its first reader had it; every other must have the same."""

    def __init__(self):
        self.texts = {}
        self._lock = threading.Lock()

    def agree(self, position, text):
        value = (len(text), hash(text))
        with self._lock:
            return self.texts.setdefault(position, value) == value


class Screen:
    """One reader's display of one turn."""

    def __init__(self, name, violations, positions, expected=None):
        self.name = name
        self.violations = violations
        self.positions = positions
        # What the model says in the end, when that is known: a screen never shows anything but its beginning.
        self.expected = expected
        self.last = (0, 0)
        self.text = ""
        self.finished = None
        self.replaced = 0
        self.taken_back = 0
        # Positions compare only where an epoch has said what its text is.
        self._is_comparable = True

    def apply(self, event):
        """Takes an event of the wire, and says whether it was `applied`, `dropped`, or shows a `gap`."""
        position = event_id(event["id"])
        kind = event["type"]
        if self.finished:
            self._violate("after-end", f"{event['id']} {kind} after {self.last}")
            return "dropped"
        if position <= self.last:
            self._violate("repeat", f"{event['id']} {kind} at {self.last}")
            return "dropped"
        if kind == "replace":
            if event["from"] > len(self.text):
                self._violate("gap", f"{event['id']} replaces from {event['from']}, but there are {len(self.text)}")
                return "gap"
            text = self.text[: event["from"]] + event["text"]
            self.replaced += 1
            self.taken_back += max(0, len(self.text) - len(text))
            self.text = text
            self._is_comparable = True
        else:
            expected = self.last[1] + 1 if position[0] == self.last[0] else 1
            if position[1] != expected:
                self._violate("gap", f"{event['id']} {kind} after {self.last}")
                return "gap"
            if position[0] != self.last[0] and position[0] > 1:
                self._is_comparable = False
            if kind == "delta":
                self.text += event["text"]
            elif kind in ENDS:
                self.finished = event
        self.last = position
        self._check(position, kind)
        return "applied"

    def _check(self, position, kind):
        if self.expected is not None and not self.expected.startswith(self.text):
            at = next(
                (i for i, (a, b) in enumerate(zip(self.text, self.expected)) if a != b), min(len(self.text), len(self.expected))
            )
            self._violate("display", f"at {position}, from character {at}: {self.text[at:at + 40]!r}")
            self.expected = None
        if kind in ("delta", "replace", *ENDS) and self._is_comparable:
            if not self.positions.agree(position, self.text):
                self._violate("fork", f"at {position} with {len(self.text)} characters")
                # Everything that follows differs too; once is enough.
                self.positions = Positions()

    def check_end(self, stored):
        """Compares with the turn as the database has it: `state` and `text`, perhaps `finishReason`."""
        if not self.finished:
            return
        if self.finished["type"] != stored["state"]:
            self._violate("end", f"shows {self.finished['type']}, stored is {stored['state']}")
        if self.text != stored["text"]:
            self._violate("end", f"shows {len(self.text)} characters, stored are {len(stored['text'])}, not the same")
        length = self.finished.get("textLength")
        if length is not None and length != len(self.text):
            self._violate("end", f"says {length} characters, shows {len(self.text)}")
        if stored["state"] == "completed" and self.expected is not None and self.text != self.expected:
            self._violate("end", f"{len(self.text)} characters of the {len(self.expected)} that the model said")

    def _violate(self, kind, detail):
        self.violations.add(kind, f"{self.name}: {detail}")
