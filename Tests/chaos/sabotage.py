"""Broken relays and clients: each must be found by a checker, or the checker is worth nothing."""

import copy


class Honest:
    """Passes every event on as it is."""

    def __call__(self, event):
        return [event]


class Repeat(Honest):
    """Sends the tenth event twice."""

    def __call__(self, event):
        return [event, event] if event["id"].endswith("-10") else [event]


class Duplicate(Honest):
    """Sends a delta twice under ids that look right, so that its characters are shown twice."""

    def __init__(self):
        self.shift = 0

    def __call__(self, event):
        if event["type"] == "started":
            self.shift = 0
        epoch, sequence = event["id"].split("-")
        event = {**event, "id": f"{epoch}-{int(sequence) + self.shift}"}
        if event["type"] != "delta" or self.shift:
            return [event]
        self.shift = 1
        return [event, {**event, "id": f"{epoch}-{int(sequence) + 1}"}]


class Drop(Honest):
    """Loses one delta."""

    def __init__(self):
        self.has_dropped = False

    def __call__(self, event):
        if event["type"] == "delta" and not self.has_dropped and int(event["id"].split("-")[1]) > 5:
            self.has_dropped = True
            return []
        return [event]


class DropSilently(Honest):
    """Loses one delta and closes the ranks, so that no id is missing."""

    def __init__(self):
        self.shift = 0

    def __call__(self, event):
        epoch, sequence = event["id"].split("-")
        if event["type"] == "started":
            self.shift = 0
        if event["type"] == "delta" and not self.shift and int(sequence) > 5:
            self.shift = 1
            return []
        return [{**event, "id": f"{epoch}-{int(sequence) - self.shift}"}]


class Change(Honest):
    """Changes one character of one delta."""

    def __init__(self):
        self.has_changed = False

    def __call__(self, event):
        if event["type"] == "delta" and not self.has_changed and len(event["text"]) > 1:
            self.has_changed = True
            event = {**event, "text": event["text"][:-1] + "\N{SNOWMAN}"}
        return [event]


class EndEarly(Honest):
    """Says that the answer is complete when it is not."""

    def __init__(self):
        self.scalars = 0
        self.is_over = False

    def __call__(self, event):
        if self.is_over:
            return []
        self.scalars += len(event.get("text", "")) if event["type"] == "delta" else 0
        if self.scalars > 60 and event["type"] == "delta":
            self.is_over = True
            epoch, sequence = event["id"].split("-")
            end = {"type": "completed", "id": f"{epoch}-{int(sequence) + 1}", "textLength": self.scalars}
            return [event, end]
        return [event]


class EndTwice(Honest):
    """Sends the end twice."""

    def __call__(self, event):
        if event["type"] not in ("completed", "stopped", "failed"):
            return [event]
        again = copy.copy(event)
        epoch, sequence = event["id"].split("-")
        again["id"] = f"{epoch}-{int(sequence) + 1}"
        return [event, again]


class Silence(Honest):
    """Stops passing on after a while, without closing."""

    def __init__(self):
        self.count = 0

    def __call__(self, event):
        self.count += 1
        return [event] if self.count < 10 else []


# Each with the kinds of violation of which at least one must be found.
KINDS = {
    "repeat": (Repeat, {"repeat"}),
    "duplicate": (Duplicate, {"display", "fork"}),
    "drop": (Drop, {"gap"}),
    "drop-silently": (DropSilently, {"display", "fork"}),
    "change": (Change, {"display", "fork"}),
    "end-early": (EndEarly, {"end"}),
    "end-twice": (EndTwice, {"after-end"}),
    "silence": (Silence, {"stuck"}),
}


def relay(name):
    """A new relay of this kind; honest when there is no name."""
    return KINDS[name][0]() if name else Honest()
