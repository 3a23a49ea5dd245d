// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { Live, reconnectWait } from "../../Sources/ParleyHTTP/Resources/assets/js/live.js";

/** A world without a network: sockets and streams that the test moves, and a clock that it turns. */
class World {
  sockets = [];
  streams = [];
  timers = [];
  events = [];
  statuses = [];
  time = 0;
  isOnline = true;

  live() {
    return new Live({
      openSocket: () => {
        const socket = {
          readyState: 0, sent: [], isClosed: false,
          send: (data) => socket.sent.push(JSON.parse(data)),
          close: () => {
            socket.isClosed = true;
            socket.readyState = 3;
          },
        };
        this.sockets.push(socket);
        return socket;
      },
      openEvents: (turnID, after) => {
        const stream = {
          turnID, after, handlers: {}, isClosed: false,
          addEventListener: (name, action) => (stream.handlers[name] = action),
          close: () => (stream.isClosed = true),
        };
        this.streams.push(stream);
        return stream;
      },
      onEvent: (event) => this.events.push(event),
      onStatus: ({ state, transport }) => this.statuses.push(`${state} ${transport}`),
      isOnline: () => this.isOnline,
      random: () => 0.5,
      now: () => this.time,
      setTimer: (action, ms) => {
        const timer = { at: this.time + ms, action };
        this.timers.push(timer);
        return timer;
      },
      clearTimer: (timer) => {
        this.timers = this.timers.filter((other) => other !== timer);
      },
    });
  }

  get socket() {
    return this.sockets.at(-1);
  }

  open(socket = this.socket) {
    socket.readyState = 1;
    socket.onopen();
  }

  fail(socket = this.socket) {
    socket.readyState = 3;
    socket.onclose();
  }

  say(frame, socket = this.socket) {
    socket.onmessage({ data: JSON.stringify(frame) });
  }

  pass(ms) {
    const end = this.time + ms;
    for (;;) {
      const next = this.timers.filter((timer) => timer.at <= end).sort((left, right) => left.at - right.at)[0];
      if (!next) break;
      this.timers = this.timers.filter((timer) => timer !== next);
      this.time = next.at;
      next.action();
    }
    this.time = end;
  }
}

test("a subscription opens the socket and asks for the turn from its position", () => {
  const world = new World();
  const live = world.live();
  live.subscribe("t", () => undefined);
  world.open();
  assert.deepEqual(world.socket.sent, [{ type: "subscribe", turnID: "t" }]);
  world.say({ type: "delta", turnID: "t", id: "1-1", text: "a" });
  assert.equal(world.events.length, 1);
});

test("after a break it connects again and resumes after the reader's position", () => {
  const world = new World();
  const live = world.live();
  let position;
  live.subscribe("t", () => position);
  world.open();
  position = "1-7";
  world.fail();
  assert.equal(live.status.state, "waiting");
  world.pass(1000);
  world.open();
  assert.equal(world.sockets.length, 2);
  assert.deepEqual(world.socket.sent, [{ type: "subscribe", turnID: "t", after: "1-7" }]);
});

test("waits grow, are partly random, and have an end", () => {
  assert.equal(reconnectWait(0, () => 1), 400);
  assert.equal(reconnectWait(0, () => 0), 200);
  assert.equal(reconnectWait(3, () => 1), 3200);
  assert.equal(reconnectWait(50, () => 1), 15_000);
});

test("a silent peer is noticed by a ping that is not answered", () => {
  const world = new World();
  const live = world.live();
  live.connect();
  world.open();
  world.pass(25_000);
  assert.deepEqual(world.socket.sent.at(-1), { type: "ping" });
  world.say({ type: "pong" });
  world.pass(25_000);
  world.pass(10_000);
  assert.ok(world.sockets[0].isClosed);
  assert.ok(world.statuses.includes("waiting socket"));
});

test("a server that goes away is left after the wait that it names, without an alarm", () => {
  const world = new World();
  const live = world.live();
  live.subscribe("t", () => "1-2");
  world.open();
  world.statuses.length = 0;
  world.say({ type: "goingAway", reconnectAfterMs: 1200 });
  world.pass(1100);
  assert.equal(world.sockets.length, 1);
  world.pass(200);
  assert.equal(world.sockets.length, 2);
  world.open();
  assert.deepEqual(world.socket.sent, [{ type: "subscribe", turnID: "t", after: "1-2" }]);
  assert.ok(!world.statuses.includes("waiting socket"));
});

test("where no socket can be had, server-sent events take its place, and a socket is tried again later", () => {
  const world = new World();
  const live = world.live();
  live.subscribe("t", () => "1-3");
  for (let count = 0; count < 3; count += 1) {
    world.fail();
    world.pass(5000);
  }
  assert.equal(world.streams.length, 1);
  assert.equal(world.streams[0].after, "1-3");
  world.streams[0].onopen();
  assert.deepEqual(live.status, { state: "open", transport: "events" });
  world.streams[0].handlers.delta({ data: JSON.stringify({ type: "delta", turnID: "t", id: "1-4", text: "x" }) });
  assert.equal(world.events.at(-1).text, "x");
  world.pass(60_000);
  const { length } = world.sockets;
  world.streams[0].onerror();
  world.pass(1000);
  assert.equal(world.sockets.length, length + 1);
});

test("offline it waits quietly, and connects at once when the network is back", () => {
  const world = new World();
  const live = world.live();
  live.subscribe("t", () => undefined);
  world.open();
  world.isOnline = false;
  live.sleep();
  assert.equal(live.status.state, "offline");
  world.pass(600_000);
  assert.equal(world.sockets.length, 1);
  world.isOnline = true;
  live.wake();
  assert.equal(world.sockets.length, 2);
});

test("a page that comes back to the front finds a dead socket within seconds", () => {
  const world = new World();
  const live = world.live();
  live.connect();
  world.open();
  live.wake();
  world.pass(2500);
  assert.ok(world.sockets[0].isClosed);
});

test("missing events are asked for again on the same connection", () => {
  const world = new World();
  const live = world.live();
  live.subscribe("t", () => "1-5");
  world.open();
  live.resync("t");
  assert.equal(world.socket.sent.filter((frame) => frame.type === "subscribe").length, 2);
  live.unsubscribe("t");
  live.resync("t");
  assert.deepEqual(world.socket.sent.at(-1), { type: "unsubscribe", turnID: "t" });
});

test("frames that are not JSON are passed over", () => {
  const world = new World();
  const live = world.live();
  live.connect();
  world.open();
  world.socket.onmessage({ data: "{" });
  world.say({ type: "pong" });
  assert.deepEqual(world.events, []);
});

test("what an old socket still says is not heard", () => {
  const world = new World();
  const live = world.live();
  live.subscribe("t", () => undefined);
  world.open();
  const [old] = world.sockets;
  const hear = old.onmessage;
  world.fail();
  world.pass(1000);
  world.open();
  hear({ data: JSON.stringify({ type: "delta", turnID: "t", id: "1-1", text: "late" }) });
  assert.deepEqual(world.events, []);
});

test("when it is closed nothing is opened any more", () => {
  const world = new World();
  const live = world.live();
  live.subscribe("t", () => undefined);
  world.open();
  live.close();
  world.pass(100_000);
  live.connect();
  assert.equal(world.sockets.length, 1);
});
