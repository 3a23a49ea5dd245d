// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// The live connection: events of turns over one WebSocket, or over server-sent events where no socket can be had. It
// connects again by itself and resumes each turn after the position that its reader has.

const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 15_000;
const PING_EVERY_MS = 25_000;
/** A socket that gives no sign of life so long after a ping is dead. */
const PONG_WITHIN_MS = 10_000;
const PONG_WITHIN_AFTER_WAKE_MS = 2500;
const OPEN_WITHIN_MS = 10_000;
/** Sockets that failed before they opened, one after the other, before server-sent events are tried. */
const FAILURES_BEFORE_EVENTS = 3;
/** How long server-sent events are used before a socket is tried again. */
const EVENTS_FOR_MS = 60_000;

/** The wait before the `attempt`th new attempt, counted from 0: exponential, half of it random. */
export function reconnectWait(attempt, random = Math.random) {
  const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(attempt, 10));
  return wait / 2 + (random() * wait) / 2;
}

const EVENT_NAMES = ["started", "sources", "delta", "replace", "completed", "stopped", "failed"];

export class Live {
  #subscriptions = new Map();
  #socket = null;
  #streams = new Map();
  #attempt = 0;
  #neverOpened = 0;
  #eventsUntil = 0;
  #timers = {};
  #status = { state: "idle", transport: "socket" };
  #isClosed = false;

  /**
   * @param onEvent gets each event of the wire
   * @param onStatus gets `{state, transport}`; state is `idle`, `connecting`, `open`, `waiting` or `offline`
   * @param onError gets an `error` frame of the server
   */
  constructor({
    openSocket, openEvents, onEvent, onStatus = () => {}, onError = () => {},
    isOnline = () => true, random = Math.random, now = Date.now,
    setTimer = (action, ms) => setTimeout(action, ms), clearTimer = (timer) => clearTimeout(timer),
  }) {
    Object.assign(this, {
      openSocket, openEvents, onEvent, onStatus, onError, isOnline, random, now, setTimer, clearTimer,
    });
  }

  get status() {
    return this.#status;
  }

  /** Opens the connection when there is none. */
  connect() {
    if (this.#isClosed || this.#socket || this.#timers.reconnect) return;
    if (!this.isOnline()) return this.#setStatus("offline");
    if (this.now() < this.#eventsUntil) return this.#connectEvents();
    this.#connectSocket();
  }

  /** Follows a turn. `position` is asked at each connection and gives the event id to resume after, or undefined. */
  subscribe(turnID, position) {
    this.#subscriptions.set(turnID, position);
    if (this.#isSocketOpen()) this.#sendSubscribe(turnID);
    else if (this.#status.transport === "events" && this.#status.state !== "idle") this.#openStream(turnID);
    else this.connect();
  }

  unsubscribe(turnID) {
    if (!this.#subscriptions.delete(turnID)) return;
    this.#closeStream(turnID);
    if (this.#isSocketOpen()) this.#send({ type: "unsubscribe", turnID });
  }

  /** Asks for a turn's events again from its reader's position: some were missing. */
  resync(turnID) {
    if (!this.#subscriptions.has(turnID)) return;
    if (this.#isSocketOpen()) return this.#sendSubscribe(turnID);
    if (this.#streams.has(turnID)) {
      this.#closeStream(turnID);
      this.#openStream(turnID);
    }
  }

  /** The page came back to the front, or the network did: look at once whether the connection lives. */
  wake() {
    if (this.#isClosed) return;
    if (!this.isOnline()) return this.#lost("offline");
    if (this.#isSocketOpen()) return this.#ping(PONG_WITHIN_AFTER_WAKE_MS);
    if (this.#status.state === "waiting" || this.#status.state === "offline") {
      this.#clear("reconnect");
      this.#attempt = 0;
      this.connect();
    }
  }

  /** The network went away. */
  sleep() {
    if (!this.#isClosed) this.#lost("offline");
  }

  close() {
    this.#isClosed = true;
    this.#subscriptions.clear();
    this.#drop();
    this.#clear("reconnect");
    this.#setStatus("idle");
  }

  // WebSocket

  #connectSocket() {
    this.#setStatus("connecting", "socket");
    let socket;
    try {
      socket = this.openSocket();
    } catch {
      this.#neverOpened += 1;
      return this.#retry();
    }
    this.#socket = socket;
    let hasOpened = false;
    this.#set("open", OPEN_WITHIN_MS, () => this.#failed(socket, hasOpened));
    socket.onopen = () => {
      if (socket !== this.#socket) return;
      hasOpened = true;
      this.#neverOpened = 0;
      this.#attempt = 0;
      this.#clear("open");
      this.#setStatus("open", "socket");
      for (const turnID of this.#subscriptions.keys()) this.#sendSubscribe(turnID);
      this.#set("ping", PING_EVERY_MS, () => this.#ping(PONG_WITHIN_MS));
    };
    socket.onmessage = (message) => {
      if (socket === this.#socket) this.#received(message.data);
    };
    socket.onclose = () => this.#failed(socket, hasOpened);
    socket.onerror = () => {};
    return undefined;
  }

  #received(data) {
    this.#clear("pong");
    this.#set("ping", PING_EVERY_MS, () => this.#ping(PONG_WITHIN_MS));
    let frame;
    try {
      frame = JSON.parse(data);
    } catch {
      return;
    }
    if (frame.type === "goingAway") this.#moveOver(frame.reconnectAfterMs);
    else if (frame.type === "error") this.onError(frame);
    else if (frame.turnID) this.onEvent(frame);
  }

  /** The server shuts down: after a while of its choice connect to another, without an alarm. */
  #moveOver(waitMs) {
    const socket = this.#socket;
    const wait = Math.min(LONGEST_WAIT_MS, Math.max(0, Number(waitMs) || 0));
    this.#set("move", wait, () => {
      if (socket !== this.#socket) return;
      this.#drop();
      this.connect();
    });
  }

  #failed(socket, hasOpened) {
    if (socket !== this.#socket) return;
    if (!hasOpened) this.#neverOpened += 1;
    this.#drop();
    this.#retry();
  }

  #ping(withinMs) {
    if (!this.#isSocketOpen()) return;
    this.#send({ type: "ping" });
    const socket = this.#socket;
    this.#set("pong", withinMs, () => this.#failed(socket, true));
  }

  #sendSubscribe(turnID) {
    const after = this.#subscriptions.get(turnID)?.();
    this.#send(after ? { type: "subscribe", turnID, after } : { type: "subscribe", turnID });
  }

  #send(frame) {
    this.#socket.send(JSON.stringify(frame));
  }

  #isSocketOpen() {
    return this.#socket !== null && this.#socket.readyState === 1;
  }

  // Server-sent events

  #connectEvents() {
    if (this.#subscriptions.size === 0) return this.#setStatus("idle", "events");
    this.#setStatus("connecting", "events");
    for (const turnID of this.#subscriptions.keys()) this.#openStream(turnID);
    return undefined;
  }

  #openStream(turnID) {
    if (this.#streams.has(turnID)) return;
    const stream = this.openEvents(turnID, this.#subscriptions.get(turnID)?.());
    this.#streams.set(turnID, stream);
    stream.onopen = () => {
      this.#attempt = 0;
      this.#setStatus("open", "events");
    };
    for (const name of EVENT_NAMES) {
      stream.addEventListener(name, (message) => {
        if (this.#streams.get(turnID) !== stream) return;
        try {
          this.onEvent(JSON.parse(message.data));
        } catch {
          // Not an event of ours; the reader notices what is missing.
        }
      });
    }
    stream.onerror = () => {
      if (this.#streams.get(turnID) !== stream) return;
      this.#drop();
      this.#retry();
    };
  }

  #closeStream(turnID) {
    this.#streams.get(turnID)?.close();
    this.#streams.delete(turnID);
  }

  // Both

  #lost(state) {
    this.#drop();
    this.#clear("reconnect");
    this.#setStatus(state);
  }

  #drop() {
    for (const name of ["open", "ping", "pong", "move"]) this.#clear(name);
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null;
      socket.close();
    }
    for (const turnID of [...this.#streams.keys()]) this.#closeStream(turnID);
  }

  #retry() {
    if (this.#isClosed) return;
    if (!this.isOnline()) return void this.#lost("offline");
    if (this.#neverOpened >= FAILURES_BEFORE_EVENTS) {
      this.#neverOpened = 0;
      this.#eventsUntil = this.now() + EVENTS_FOR_MS;
    }
    this.#setStatus("waiting");
    const wait = reconnectWait(this.#attempt, this.random);
    this.#attempt += 1;
    this.#set("reconnect", wait, () => this.connect());
  }

  #setStatus(state, transport = this.#status.transport) {
    if (this.#status.state === state && this.#status.transport === transport) return;
    this.#status = { state, transport };
    this.onStatus(this.#status);
  }

  #set(name, ms, action) {
    this.#clear(name);
    this.#timers[name] = this.setTimer(() => {
      this.#timers[name] = null;
      action();
    }, ms);
  }

  #clear(name) {
    if (this.#timers[name]) this.clearTimer(this.#timers[name]);
    this.#timers[name] = null;
  }
}

/** A live connection to the server that the page came from. */
export function openLive(handlers) {
  return new Live({
    openSocket: () => new WebSocket(`${location.origin.replace(/^http/u, "ws")}/api/ws`),
    openEvents: (turnID, after) => {
      const query = after ? `?after=${encodeURIComponent(after)}` : "";
      return new EventSource(`/api/turns/${turnID}/events${query}`);
    },
    isOnline: () => navigator.onLine !== false,
    ...handlers,
  });
}
