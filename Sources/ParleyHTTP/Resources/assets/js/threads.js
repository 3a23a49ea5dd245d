// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// Reads conversations from the server, a page at a time, and takes up what is under way in them.

import { fromWire } from "./message-tree.js";

const PAGE = 50;
/** The page when one message is looked for, and how many of them are read for it. */
const SEEK_PAGE = 200;
const SEEK_PAGES = 50;
const BRANCH_PREFIX = "parley.branch.";

export class Threads {
  #older = new Set();
  #opening = 0;
  #openings = new Map();

  /** @param tabStorage remembers, for this tab, which branch of a conversation was looked at */
  constructor({ store, api, answers, sending, actions, tabStorage }) {
    Object.assign(this, { store, api, answers, sending, actions, tabStorage });
    /** Builds what is to be shown before it is shown; the view sets it. */
    this.prepare = async () => {};
  }

  /** Shows a conversation, at one message if that is named. */
  open(conversationID, messageID = null) {
    const opening = this.#open(conversationID, messageID);
    this.#openings.set(conversationID, opening);
    return opening;
  }

  /** Resolves when a conversation that is being opened has been read, or could not be. */
  async opened(conversationID) {
    await this.#openings.get(conversationID);
  }

  async #open(conversationID, messageID) {
    const turn = ++this.#opening;
    this.store.dispatch({ type: "thread/loading", conversationID });
    if (this.sending.isUnborn(conversationID)) return this.sending.resume(conversationID);
    const branch = messageID ?? this.tabStorage.getItem(BRANCH_PREFIX + conversationID) ?? "latest";
    try {
      const record = this.store.state.conversations[conversationID] ? null : this.actions.refresh(conversationID);
      await Promise.all([record, this.#read(conversationID, branch, messageID)]);
    } catch (error) {
      if (branch !== "latest" && error.status === 404 && turn === this.#opening) {
        this.tabStorage.removeItem(BRANCH_PREFIX + conversationID);
        if (!messageID) return this.#open(conversationID, null);
      }
      this.store.dispatch({ type: "thread/failed", conversationID, problem: error });
      return undefined;
    }
    this.sending.resume(conversationID);
    return undefined;
  }

  async reload(conversationID) {
    await this.open(conversationID);
  }

  /** Reads a page of older messages. */
  async older(conversationID) {
    const thread = this.store.state.threads[conversationID];
    if (!thread?.next || this.#older.has(conversationID)) return;
    this.#older.add(conversationID);
    try {
      const last = thread.messages.findLast((message) => !message.delivery && !message.isAwaited);
      const page = await this.api.messages(conversationID, { branch: last.id, before: thread.next, limit: PAGE });
      const messages = page.messages.map(fromWire);
      await this.prepare(messages);
      this.store.dispatch({ type: "thread/older", conversationID, messages, next: page.next });
    } catch (error) {
      await this.actions.report(error, "Older messages could not be read.");
    } finally {
      this.#older.delete(conversationID);
    }
  }

  /** Shows the branch that leads through a message. */
  async switchTo(conversationID, messageID) {
    try {
      await this.#read(conversationID, messageID, messageID);
      this.tabStorage.setItem(BRANCH_PREFIX + conversationID, messageID);
    } catch (error) {
      await this.actions.report(error, "The other branch could not be read.");
    }
  }

  /** Reads the newest page again, after the page was away. */
  async refresh(conversationID) {
    const thread = this.store.state.threads[conversationID];
    if (!thread || thread.status !== "ready" || this.answers.isWatching(conversationID)) return;
    const last = thread.messages.findLast((message) => !message.delivery && !message.isAwaited);
    if (!last) return;
    await this.#read(conversationID, last.id, null).catch(() => {});
  }

  /** Reads a branch, back to the message that is sought. */
  async #read(conversationID, branch, soughtID) {
    const since = performance.now();
    let limit = PAGE;
    let page = await this.api.messages(conversationID, { branch, limit });
    let messages = page.messages;
    for (let count = 0; soughtID && page.next && count < SEEK_PAGES; count += 1) {
      if (messages.some((message) => message.id === soughtID)) break;
      limit = SEEK_PAGE;
      page = await this.api.messages(conversationID, { branch, before: page.next, limit });
      messages = [...page.messages, ...messages];
    }
    const read = messages.map(fromWire);
    await this.prepare(read);
    this.store.dispatch({ type: "thread/loaded", conversationID, messages: read, next: page.next, since });
    this.#takeUp(conversationID, read);
    // What went out of the outbox while this was being read may be missing in it.
    const promised = this.sending.promisedSince(conversationID, since);
    const { messages: shown } = this.store.state.threads[conversationID];
    if (promised && !shown.some((message) => message.id === promised)) await this.#read(conversationID, "latest", null);
  }

  /** Goes on with an answer that is being made, and asks why the last one failed. */
  #takeUp(conversationID, messages) {
    for (const message of messages) {
      if (message.state !== "pending" || !message.turnID) continue;
      this.answers.watch({
        conversationID, messageID: message.id, turnID: message.turnID, shown: message.content,
      });
    }
    const last = messages.at(-1);
    if (last?.state === "failed" && last.turnID) this.#explain(conversationID, last);
  }

  async #explain(conversationID, message) {
    try {
      const { turn } = await this.api.turn(message.turnID);
      if (!turn.failure) return;
      this.store.dispatch({
        type: "message/patched", conversationID, id: message.id, change: { failure: turn.failure },
      });
    } catch {
      // The message says that it failed; the reason is a kindness.
    }
  }
}
