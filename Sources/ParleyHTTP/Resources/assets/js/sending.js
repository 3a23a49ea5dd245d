// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// Sends messages: shown at once, kept in the outbox until the server has them, sent again with the same id when the
// network fails.

import { collectionIDs, lookIn } from "./drafts.js";
import { provisionalTitle, uuidv7 } from "./format.js";
import * as tree from "./message-tree.js";
import { afterFailure } from "./outbox.js";

export class Sending {
  #waiting = new Set();
  /** Conversation → the latest answer that the server promised, and when. */
  #promised = new Map();

  constructor({ store, api, answers, outbox, drafts, storage, actions }) {
    Object.assign(this, { store, api, answers, outbox, drafts, storage, actions });
    this.underWay = new Set();
  }

  /** Sends from the composer: into the chat on the page, or a new one. */
  async send(content) {
    const { route, newChat, models } = this.store.state;
    const createdAt = new Date().toISOString();
    let conversationID = route.conversationID;
    let create = null;
    if (!conversationID) {
      conversationID = uuidv7();
      create = { id: conversationID, temporary: newChat.temporary };
      if (newChat.systemPrompt) create.systemPrompt = newChat.systemPrompt;
      if (newChat.model && models.names.includes(newChat.model)) create.model = newChat.model;
      const conversation = this.#provisional(create, content, createdAt);
      this.store.dispatch({ type: "conversation/changed", conversation });
    }
    const entry = {
      id: uuidv7(), conversationID, parentID: this.#leaf(conversationID), content, create, createdAt,
      collections: this.#collections(),
    };
    this.#show(entry);
    this.drafts.remove(create ? "new" : conversationID);
    if (create) await this.actions.go(conversationID);
    await this.#deliver(entry);
  }

  /** Sends an edited message as a sibling of the one that was edited. */
  async edit(message, content) {
    const entry = {
      id: uuidv7(), conversationID: message.conversationID, parentID: message.parentID, content, create: null,
      createdAt: new Date().toISOString(), siblings: message.siblings, cutAt: message.id,
      collections: this.#collections(),
    };
    this.#show(entry);
    await this.#deliver(entry);
  }

  /** Asks for another answer beside this one. */
  async regenerate(message, model) {
    const { conversationID, parentID, siblings } = message;
    const awaited = tree.awaited({
      key: `again-${uuidv7()}`, conversationID, parentID, siblings, createdAt: new Date().toISOString(), model,
    });
    this.store.dispatch({ type: "thread/extended", conversationID, messages: [awaited], cutAt: message.id });
    try {
      const body = model ? { model } : {};
      const collections = this.#collections();
      if (collections) body.collections = collections;
      const { turn } = await this.api.regenerate(message.id, body);
      this.#accepted(turn, awaited.key);
    } catch (error) {
      this.store.dispatch({ type: "message/removed", conversationID, keys: [awaited.key] });
      await this.actions.report(error, "No new answer could be begun.");
      const { threads } = await this.actions.chat();
      await threads.switchTo(conversationID, message.id);
    }
  }

  /** Tries again to send a message that was refused or is waiting. */
  retry(messageID) {
    const entry = this.outbox.entries().find((candidate) => candidate.id === messageID);
    if (entry) this.#deliver(entry);
  }

  /** Gives up a message that was not sent; its text goes back into the box. */
  async discard(message) {
    const { conversationID } = message;
    const entry = this.outbox.entries().find((candidate) => candidate.id === message.id);
    this.outbox.remove(message.id);
    this.store.dispatch({
      type: "message/removed", conversationID, keys: [message.key, `answer-to-${message.id}`],
    });
    if (entry?.create && !entry.isCreated) {
      this.store.dispatch({ type: "conversation/removed", id: conversationID });
      this.drafts.set("new", message.content);
      await this.actions.go(null, { replace: true });
    } else {
      this.drafts.set(conversationID, message.content);
      this.actions.onDraft();
      const { threads } = await this.actions.chat();
      await threads.reload(conversationID);
    }
  }

  /** Shows and sends what an earlier visit left in the outbox for a conversation, or for all of them. */
  resume(conversationID = null) {
    for (const entry of this.outbox.entries()) {
      if (conversationID && entry.conversationID !== conversationID) continue;
      if (entry.create && !this.store.state.conversations[entry.conversationID]) {
        const conversation = this.#provisional(entry.create, entry.content, entry.createdAt);
        this.store.dispatch({ type: "conversation/changed", conversation });
      }
      const thread = this.store.state.threads[entry.conversationID];
      const isShown = thread?.messages.some((message) => message.id === entry.id);
      if (thread && !isShown) this.#show(entry);
      this.#deliver(entry);
    }
  }

  /** Whether a conversation exists only in the outbox so far. */
  isUnborn(conversationID) {
    return this.outbox.entries().some(
      (entry) => entry.conversationID === conversationID && entry.create && !entry.isCreated);
  }

  /** The answer that was promised in a conversation since a time, or null. */
  promisedSince(conversationID, since) {
    const promised = this.#promised.get(conversationID);
    return promised && promised.at >= since ? promised.messageID : null;
  }

  /** The network is back: do not wait any longer. */
  wake() {
    for (const go of [...this.#waiting]) go();
  }

  forget() {
    this.outbox.clear();
  }

  /** Where the answer looks for passages; undefined is everywhere. */
  #collections() {
    return collectionIDs(lookIn(this.storage));
  }

  /** What a new message follows: the branch's end; undefined while the branch has not been read. */
  #leaf(conversationID) {
    const thread = this.store.state.threads[conversationID];
    if (!thread?.isRead) return undefined;
    return thread.messages.findLast((message) => !message.delivery && !message.isAwaited)?.id ?? null;
  }

  /** Waits for the branch that a message follows; where it cannot be read, the server puts it at the latest end. */
  async #findParent(entry) {
    if (entry.create || entry.parentID !== undefined) return;
    const { threads } = await this.actions.chat();
    await threads.opened(entry.conversationID);
    entry.parentID = this.#leaf(entry.conversationID);
    if (entry.parentID === undefined) return;
    this.outbox.put(entry);
    this.#mark(entry, { parentID: entry.parentID });
  }

  #provisional(create, content, createdAt) {
    return {
      id: create.id, title: provisionalTitle(content), titleIsAutomatic: true,
      systemPrompt: create.systemPrompt ?? null, model: create.model ?? null, pinned: false, archived: false,
      temporary: create.temporary ?? false, createdAt, updatedAt: createdAt,
    };
  }

  #show(entry) {
    this.outbox.put(entry);
    const messages = tree.exchange(entry);
    this.store.dispatch({
      type: "thread/extended", conversationID: entry.conversationID, messages, cutAt: entry.cutAt ?? null,
      isFirst: Boolean(entry.create),
    });
  }

  async #deliver(entry) {
    if (this.underWay.has(entry.id)) return;
    this.underWay.add(entry.id);
    this.#mark(entry, { delivery: "sending", problem: null });
    try {
      for (let attempt = 0; ; attempt += 1) {
        try {
          await this.#post(entry);
          return;
        } catch (error) {
          const plan = afterFailure(error, attempt);
          if (!plan.retry) {
            this.#mark(entry, { delivery: "failed", problem: error });
            return;
          }
          this.#mark(entry, { delivery: "waiting", problem: error });
          await this.#pause(plan.waitMs);
        }
      }
    } finally {
      this.underWay.delete(entry.id);
    }
  }

  async #post(entry) {
    if (entry.create && !entry.isCreated) {
      await this.#create(entry);
      entry.isCreated = true;
      this.outbox.put(entry);
    }
    await this.#findParent(entry);
    const body = { id: entry.id, content: entry.content };
    if (entry.parentID !== undefined) body.parentID = entry.parentID;
    if (entry.collections) body.collections = entry.collections;
    const { turn } = await this.api.send(entry.conversationID, body);
    this.outbox.remove(entry.id);
    this.#accepted(turn, `answer-to-${entry.id}`);
    if (entry.parentID === undefined && !entry.create) this.#readAgain(entry.conversationID);
  }

  async #create(entry) {
    try {
      const conversation = await this.api.createConversation(entry.create);
      const shown = this.store.state.conversations[entry.conversationID];
      const title = conversation.titleIsAutomatic && shown ? shown.title : conversation.title;
      this.store.dispatch({ type: "conversation/changed", conversation: { ...conversation, title } });
    } catch (error) {
      // An earlier attempt may have come through although its answer did not.
      if (error.status !== 409) throw error;
      await this.api.conversation(entry.conversationID);
    }
  }

  #accepted(turn, awaitedKey) {
    const { conversationID } = turn;
    const at = performance.now();
    this.#promised.set(conversationID, { at, messageID: turn.assistantMessageID });
    this.store.dispatch({ type: "thread/accepted", conversationID, awaitedKey, turn, at });
    this.store.dispatch({
      type: "conversation/patched", id: conversationID, change: { updatedAt: new Date().toISOString() },
    });
    this.answers.watch({ conversationID, messageID: turn.assistantMessageID, turnID: turn.id });
    // The thread may have been read while the message was on its way.
    const thread = this.store.state.threads[conversationID];
    const isShown = thread?.messages.some((message) => message.id === turn.assistantMessageID);
    if (thread?.isRead && !isShown) this.#readAgain(conversationID);
  }

  async #readAgain(conversationID) {
    const { threads } = await this.actions.chat();
    await threads.reload(conversationID);
  }

  #mark(entry, change) {
    this.store.dispatch({ type: "message/patched", conversationID: entry.conversationID, id: entry.id, change });
  }

  #pause(ms) {
    return new Promise((resolve) => {
      const go = () => {
        clearTimeout(timer);
        this.#waiting.delete(go);
        resolve();
      };
      const timer = setTimeout(go, ms);
      this.#waiting.add(go);
    });
  }
}
