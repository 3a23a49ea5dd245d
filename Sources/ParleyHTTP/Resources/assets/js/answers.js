// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// Follows the answers that are being made: each turn has a reader, whose text goes straight to its element, and whose
// end goes into the state. A turn is followed whether or not its chat is on the page.

import { TurnReader, parseEventID } from "./turn-reader.js";

/** A turn that shows no sign of life so long is asked after over REST, in milliseconds. */
const SILENCE_MS = 20_000;
const LOOK_EVERY_MS = 5000;
/** How long missing events may take to come when they were asked for. */
const RESYNC_MS = 3000;
const STOP_ATTEMPTS = 5;

export class Answers {
  #watched = new Map();
  #looking = null;

  /**
   * @param openLive makes the live connection (live.js)
   * @param onText gets `(messageID, text)` whenever an answer has grown
   * @param onFinished gets `(conversationID, message)` when one has ended
   */
  constructor({ store, api, openLive, onText = () => {}, onFinished = () => {} }) {
    Object.assign(this, { store, api, onText, onFinished });
    this.live = openLive({
      onEvent: (event) => this.received(event),
      onStatus: (connection) => store.dispatch({ type: "connection/changed", connection }),
    });
  }

  /** Connects before anything is asked, so that the first answer need not wait for it. */
  warm() {
    this.live.connect();
  }

  /** Follows a turn from its beginning; `shown` is text that is on the page already and stays until it is overtaken. */
  watch({ conversationID, messageID, turnID, shown = "" }) {
    if (this.#watched.has(turnID)) return;
    const watch = {
      conversationID, messageID, turnID, shown, reader: new TurnReader(), change: {}, isRight: false, lastSign: Date.now(),
      resyncSince: 0, epoch: 0,
    };
    this.#watched.set(turnID, watch);
    this.store.dispatch({ type: "answer/began", messageID, conversationID, turnID });
    this.live.subscribe(turnID, () => watch.reader.position);
    this.#looking ??= setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  /** The text of an answer that is being made, or null. */
  text(messageID) {
    for (const watch of this.#watched.values()) {
      if (watch.messageID === messageID) return visible(watch);
    }
    return null;
  }

  isWatching(conversationID) {
    return [...this.#watched.values()].some((watch) => watch.conversationID === conversationID);
  }

  async stop(messageID) {
    const answer = this.store.state.answering[messageID];
    if (!answer || answer.isStopping) return;
    this.store.dispatch({ type: "answer/changed", messageID, change: { isStopping: true } });
    for (let attempt = 0; attempt < STOP_ATTEMPTS; attempt += 1) {
      try {
        await this.api.stop(answer.turnID);
        return;
      } catch (error) {
        if (error.kind === "http" && error.status < 500) break;
        await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** attempt));
      }
    }
    this.store.dispatch({ type: "answer/changed", messageID, change: { isStopping: false } });
  }

  received(event) {
    const watch = this.#watched.get(event.turnID);
    if (!watch) return;
    watch.lastSign = Date.now();
    switch (watch.reader.apply(event)) {
      case "gap": return this.#missing(watch);
      case "applied": break;
      default: return;
    }
    watch.resyncSince = 0;
    this.#noteEpoch(watch, event);
    this.#applied(watch, event);
  }

  #applied(watch, event) {
    switch (event.type) {
      case "started":
        this.#patch(watch, { model: event.model });
        break;
      case "sources":
        this.#patch(watch, { sources: event.passages });
        break;
      case "delta":
        this.#grow(watch);
        break;
      case "replace":
        watch.isRight = true;
        this.#grow(watch);
        break;
      case "completed":
        // The whole text is on the server by now; it is read from there if ours is not as long as it should be.
        if (event.textLength === watch.reader.scalars) this.#finish(watch, { state: "completed" }, watch.reader.text);
        else this.#ask(watch);
        break;
      case "stopped":
        this.#finish(watch, { state: "stopped" }, watch.reader.text);
        break;
      case "failed": {
        const { code, message, retryable } = event;
        this.#finish(watch, { state: "failed", failure: { code, message, retryable } }, watch.reader.text);
        break;
      }
    }
  }

  /** A later epoch means that another attempt, perhaps of another node, took the answer over. */
  #noteEpoch(watch, event) {
    const { epoch } = parseEventID(event.id);
    if (watch.epoch !== 0 && epoch > watch.epoch) this.#patch(watch, { wasContinued: true });
    watch.epoch = epoch;
  }

  #grow(watch) {
    if (this.store.state.answering[watch.messageID]?.phase === "waiting") {
      this.store.dispatch({ type: "answer/changed", messageID: watch.messageID, change: { phase: "streaming" } });
    }
    this.onText(watch.messageID, visible(watch));
  }

  #patch(watch, change) {
    Object.assign(watch.change, change);
    this.store.dispatch({
      type: "message/patched", conversationID: watch.conversationID, id: watch.messageID, change,
    });
  }

  #missing(watch) {
    if (watch.resyncSince !== 0) return;
    watch.resyncSince = Date.now();
    this.live.resync(watch.turnID);
  }

  #look() {
    const now = Date.now();
    for (const watch of this.#watched.values()) {
      const isStuck = watch.resyncSince !== 0 && now - watch.resyncSince > RESYNC_MS;
      if (isStuck || now - watch.lastSign > SILENCE_MS) {
        watch.lastSign = now;
        watch.resyncSince = 0;
        this.#ask(watch);
      }
    }
  }

  /** Asks after the turn over REST: whatever became of the events, this tells. */
  async #ask(watch) {
    let turn;
    try {
      ({ turn } = await this.api.turn(watch.turnID));
    } catch (error) {
      if (error.status === 404) {
        const failure = { code: "gone", message: "This answer is no longer on the server.", retryable: true };
        this.#finish(watch, { state: "failed", failure }, visible(watch));
      }
      return;
    }
    if (!this.#watched.has(watch.turnID)) return;
    if (turn.state === "queued" || turn.state === "running") {
      if (turn.text.length > visible(watch).length) watch.shown = turn.text;
      this.#grow(watch);
      this.live.resync(watch.turnID);
    } else {
      this.#finish(watch, { state: turn.state, failure: turn.failure }, turn.text);
    }
  }

  #finish(watch, change, content) {
    this.#watched.delete(watch.turnID);
    this.live.unsubscribe(watch.turnID);
    if (this.#watched.size === 0) {
      clearInterval(this.#looking);
      this.#looking = null;
    }
    const { conversationID, messageID: id } = watch;
    const whole = { ...watch.change, ...change, content };
    this.store.dispatch({ type: "message/patched", conversationID, id, change: whole });
    this.store.dispatch({ type: "answer/ended", messageID: id });
    this.onFinished(conversationID, { id, ...whole });
  }
}

/** What to show: text that was there before stays until the reader's own has overtaken it. */
function visible(watch) {
  const { reader, shown } = watch;
  const isBehind = !watch.isRight && !reader.isFinished && reader.text.length < shown.length;
  return isBehind ? shown : reader.text;
}
