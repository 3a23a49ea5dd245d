"""The model server hangs, breaks off, or refuses."""

import time

from fault import fault
from model_relay import CUT, HANG

# Short deadlines, so that a hang is found within the run; and nothing waits long for a server that was refused once.
DEADLINES = {"OPENAI_FIRST_TOKEN_SECONDS": "2", "OPENAI_NEXT_TOKEN_SECONDS": "2"}
TIMED = "from the last event before the fault to the next one, at each reader"


def tell_and_break(trial, kind, after, times=1):
    """One story whose model requests break so many times, then pass. Returns it with the moment of the fault."""
    owner = trial.pick()
    trial.relay.break_next(kind, times=times, after=after)
    return trial.story(owner, [owner, trial.pick(owner)], length=100, pace_ms=20)


def note_gaps(trial, stories):
    for story in stories:
        for reader in story.readers:
            moments = [story.started, *(arrival[0] for arrival in reader.arrivals)]
            trial.recovered(max(later - earlier for earlier, later in zip(moments, moments[1:] or moments)))


def break_each(trial, kind, places):
    """One after the other, since the relay breaks whichever request comes next."""
    for _ in trial.rounds(1):
        after = trial.chance.choice(places)
        story = tell_and_break(trial, kind, after)
        # Silence before the first word uses up all the time there is for it, so the answer may end as failed.
        trial.settle([story], may_fail=kind == HANG and after == 0)
        if trial.relay.armed:
            trial.violate("stuck", "the model server was never asked")
        note_gaps(trial, [story])
        trial.count()


@fault("model-hang", timed=TIMED, runs=20, short=2, relays_model=True, environment=DEADLINES)
def model_hang(trial):
    """The model server takes the request and is silent, before the first word or in the middle; asked again it answers.
    The deadlines are set to 2 s; what is silent before the first word may end as failed."""
    break_each(trial, HANG, (0, 1, 20, 60))


@fault("model-cut", timed=TIMED, runs=20, short=1, relays_model=True, environment=DEADLINES)
def model_cut(trial):
    """The model server resets the connection in mid-answer; asked again it answers."""
    break_each(trial, CUT, (1, 5, 20, 60))


@fault("model-429", timed=TIMED, runs=20, short=1, relays_model=True, environment=DEADLINES)
def model_429(trial):
    """The model server says 429 with `Retry-After: 1`, then answers."""
    break_each(trial, 429, (0,))


@fault("model-500", timed=TIMED, runs=20, short=1, relays_model=True, environment=DEADLINES)
def model_500(trial):
    """The model server says 500, then answers."""
    break_each(trial, 500, (0,))


@fault("model-down", timed="from sending to `failed`, at each reader", runs=12, short=2, environment=DEADLINES)
def model_down(trial):
    """The model server hangs, breaks off or refuses whenever it is asked: the answer ends as failed, and the text that
    readers have is kept."""
    models = (("scripted-itl10-len60-cut20", 20), ("scripted-itl10-len60-hang20", 20), ("scripted-s500", 0))
    for number in trial.rounds(1):
        model, _ = models[number % len(models)]
        owner = trial.pick()
        story = trial.story(owner, [owner, trial.pick(owner)], model=model, length=60)
        trial.settle([story], may_fail=True)
        stored = trial.cluster.turn(story.turn)
        if stored and stored["state"] != "failed":
            trial.violate("end", f"turn {story.turn} of {model} is {stored['state']}")
        for reader in story.readers:
            if reader.arrivals:
                trial.recovered(reader.arrivals[-1][0] - story.started)
        trial.count()


