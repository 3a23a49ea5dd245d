"""Redis dies, forgets, fails over, or is hard to reach."""

import time

from cluster import LEASE_SECONDS, TAKEOVER_GOAL_SECONDS
from fault import fault
from fault_proxy import DOWN, UP
from faults_nodes import told_at, was_at
from people import NotDone

# The longest silence at a reader on the owner's node while Redis is away: the owner waits 500 ms for an append, then
# goes on without.
OWNER_SILENCE_GOAL_SECONDS = 3.0


def spread(trial, count, length=180):
    """Stories told at every node, each with a reader at its owner and one elsewhere."""
    stories = []
    for number in range(count):
        owner = trial.cluster.nodes[number % len(trial.cluster.nodes)]
        stories.append(trial.story(owner, [owner, trial.pick(owner)], length=length))
    return stories


def check_owner_readers(trial, stories, start, end):
    """Readers on the owner's node go on while Redis is away."""
    for story in stories:
        for reader in story.readers:
            times = [arrival[0] for arrival in reader.arrivals]
            # Only where its own answer was under way all the time, on one connection.
            if not times or times[-1] < end or not was_at(reader, story.owner, start):
                continue
            if any(start < moment < end for moment, _ in reader.connections):
                continue
            silence = reader.longest_silence(start, end)
            if silence > OWNER_SILENCE_GOAL_SECONDS:
                trial.violate("late", f"{reader.screen.name}, at the owner, saw nothing for {silence:.1f} s")


def write_during(trial):
    """A message while Redis is away: acknowledged and then kept, or refused in so many words."""
    try:
        node = trial.pick()
        conversation = trial.user.conversation(model="scripted-itl20-len30")
        trial.user.send(conversation, "Written while Redis was away.", node)
        trial.note("messages taken meanwhile")
    except NotDone:
        trial.note("messages refused meanwhile")


def restart(trial):
    """Kills Redis under running answers, and starts it again after a while."""
    for _ in trial.rounds(3):
        stories = spread(trial, 3)
        running = trial.underway(stories, 1.5)
        start = time.monotonic()
        trial.redis.kill()
        if trial.chance.random() < 0.3:
            write_during(trial)
        time.sleep(max(0.0, start + trial.chance.choice((0.2, 2.0, LEASE_SECONDS + 2)) - time.monotonic()))
        trial.redis.start()
        back = time.monotonic()
        trial.settle(stories)
        check_owner_readers(trial, running, start, back)
        for story in running:
            for reader in story.readers:
                if not was_at(reader, story.owner, start):
                    trial.recovered(reader.first_arrival(back))
        trial.count(len(running))


@fault(
    "redis-kill-aof", timed="from the restart of Redis to the next event at readers of other nodes", runs=30, short=3,
    needs_redis=True, redis="aof",
)
def redis_kill_aof(trial):
    """`kill -9` of a Redis with an append-only file (`everysec`), started again after 0.2, 2 or 8 s. Readers at the
    owner's node must not notice."""
    restart(trial)


@fault(
    "redis-kill", timed="from the restart of Redis to the next event at readers of other nodes", runs=30, short=3,
    needs_redis=True,
)
def redis_kill(trial):
    """The same with a Redis that keeps nothing: it comes back empty, and everybody signs in again."""
    restart(trial)


@fault("flushall", timed="from the flush to the next event at each reader", runs=30, short=3, needs_redis=True)
def flushall(trial):
    """FLUSHALL in mid-answer."""
    for _ in trial.rounds(3):
        stories = spread(trial, 3)
        running = trial.underway(stories, 1.5)
        start = time.monotonic()
        trial.redis.call("FLUSHALL")
        trial.settle(stories)
        for story in running:
            for reader in story.readers:
                trial.recovered(reader.first_arrival(start))
        trial.count(len(running))


@fault(
    "flushall-kill-owner", timed="from the kill to the first event of the successor, at each reader", runs=20, short=2,
    needs_redis=True,
)
def flushall_kill_owner(trial):
    """FLUSHALL and at once `kill -9` of the owner: nothing is left but the database."""
    for _ in trial.rounds(3):
        node = trial.pick()
        stories = told_at(trial, node, 3)
        running = trial.underway(stories, 3.0)
        trial.redis.call("FLUSHALL")
        start = time.monotonic()
        node.kill()
        trial.settle(stories)
        for _, seconds in trial.takeover_times(running, start):
            trial.recovered(seconds)
        trial.count(len(running))


@fault(
    "sentinel-failover", timed="from the order or the kill to the next event at readers of other nodes", runs=12, short=2,
    needs_redis=True, redis="sentinel",
)
def sentinel_failover(trial):
    """Three sentinels make the replica the master, by order or because the master was killed; what was not copied yet
    is lost."""
    for number in trial.rounds(3):
        stories = spread(trial, 3, length=260)
        running = trial.underway(stories, 1.0)
        start = time.monotonic()
        old = trial.redis.fail_over(by_kill=number % 2 == 0)
        done = time.monotonic()
        trial.settle(stories)
        check_owner_readers(trial, running, start, done)
        for story in running:
            for reader in story.readers:
                if not was_at(reader, story.owner, start):
                    trial.recovered(reader.first_arrival(done) and reader.first_arrival(done) + done - start)
        trial.redis.mend(old)
        trial.count(len(running))


@fault(
    "proxy-delay", timed="the longest silence of a reader meanwhile", runs=30, short=3, needs_redis=True, proxied=True
)
def proxy_delay(trial):
    """Redis answers late: 20 to 200 ms each way for one node or for all, for the length of an answer."""
    for _ in trial.rounds(3):
        stories = spread(trial, 3, length=120)
        running = trial.underway(stories)
        nodes = trial.chance.choice((trial.cluster.nodes, [trial.pick()]))
        start = time.monotonic()
        for node in nodes:
            node.proxy.slow(0.02, 0.2)
        trial.settle(stories)
        for node in nodes:
            node.proxy.heal()
        for story in running:
            for reader in story.readers:
                if reader.arrivals and reader.arrivals[-1][0] > start:
                    trial.recovered(reader.longest_silence(start, reader.arrivals[-1][0]))
        trial.count(len(running))


@fault("proxy-cut", timed="from a cut to the next event at each reader", runs=30, short=3, needs_redis=True, proxied=True)
def proxy_cut(trial):
    """All connections to Redis of one node or of all end with a reset, one to four times within an answer, in the middle
    of whatever is on its way."""
    for _ in trial.rounds(3):
        stories = spread(trial, 3)
        running = trial.underway(stories)
        cuts = []
        for _ in range(trial.chance.randint(1, 4)):
            trial.pause(0.1, 0.8)
            cuts.append(time.monotonic())
            for node in trial.chance.choice((trial.cluster.nodes, [trial.pick()])):
                node.proxy.cut()
        trial.settle(stories)
        for story in running:
            for reader in story.readers:
                for cut in cuts:
                    trial.recovered(reader.first_arrival(cut))
        trial.count(len(running))


@fault(
    "proxy-blackhole", timed="from the beginning to the next event at readers of nodes that reach Redis, at most until "
    "one second after its end", runs=30, short=3, needs_redis=True, proxied=True, goal=TAKEOVER_GOAL_SECONDS,
)
def proxy_blackhole(trial):
    """What one node sends to Redis, or what it hears, or both, is swallowed for 1 to 10 s: longer than its lease, others
    take over, and it is refused when it is back."""
    for _ in trial.rounds(3):
        node = trial.pick()
        stories = told_at(trial, node, 3)
        running = trial.underway(stories, 1.0)
        start = time.monotonic()
        node.proxy.hold(*trial.chance.choice(((UP,), (DOWN,), (UP, DOWN))))
        trial.pause(1, LEASE_SECONDS + 4)
        node.proxy.heal()
        trial.settle(stories)
        for story in running:
            for reader in story.readers:
                if not was_at(reader, node, start):
                    seconds = reader.first_arrival(start + 0.5)
                    trial.recovered(seconds and seconds + 0.5, TAKEOVER_GOAL_SECONDS, f"silence at {reader.screen.name}")
        trial.count(len(running))
