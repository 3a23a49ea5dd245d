// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// What a person can do on the page, apart from the chat itself (chat.js): sign in, go somewhere, and change
// conversations. Each changes the state at once and the server after it; when the server refuses, the state goes back.

import { Api } from "./api.js";
import { saveLookIn } from "./drafts.js";
import { currentConversation } from "./state.js";

const PAGE = 50;
const MODEL_KEY = "parley.model";
const VISITED_KEY = "parley.visited";

export class Actions {
  #chat = null;

  /** @param openChat loads the modules of the chat, once it is needed, and gives what chat.js makes */
  constructor({ store, api, storage, drafts, openChat }) {
    Object.assign(this, { store, api, storage, drafts, openChat });
    /** Called when a text was put back among the drafts; the composer sets it. */
    this.onDraft = () => {};
  }

  get state() {
    return this.store.state;
  }

  // Session

  async start() {
    try {
      await this.#enter(this.storage.getItem(VISITED_KEY) ? await this.api.session() : await this.#firstVisit());
    } catch (error) {
      if (error.status === 401) return this.signedOut(error);
      this.#session({ status: "failed", problem: error });
    }
    return undefined;
  }

  /** In open mode a session is had for the asking; otherwise somebody must sign in. */
  async #firstVisit() {
    try {
      return await this.api.openSession();
    } catch (error) {
      if (error.kind !== "http" || error.status >= 500) throw error;
      return this.api.session();
    }
  }

  /** The session is over, or there was none. In open mode another is had at once. */
  async signedOut(problem) {
    const { status, mode } = this.state.session;
    if (!problem?.setupRequired && (status !== "signedIn" || mode === "open")) {
      try {
        return await this.#enter(await this.api.openSession());
      } catch (error) {
        if (error.kind !== "http") return this.#session({ status: "failed", problem: error });
      }
    }
    return this.#session({ status: "signedOut", setupRequired: problem?.setupRequired ?? false });
  }

  signIn = async (body) => this.#enter(await this.api.openSession(body));
  createAccount = async (body) => this.#enter(await this.api.createAccount(body));

  async signOut() {
    await this.api.closeSession();
    this.drafts.clear();
    for (const key of [MODEL_KEY, VISITED_KEY]) this.storage.removeItem(key);
    saveLookIn(this.storage, null);
    (await this.chat()).sending.forget();
    location.assign("/");
  }

  async #enter(session) {
    this.storage.setItem(VISITED_KEY, "1");
    this.drafts.owner = session.user.id;
    this.#session({ status: "signedIn", user: session.user, mode: session.mode });
    const model = this.storage.getItem(MODEL_KEY);
    if (model) this.store.dispatch({ type: "newChat/changed", change: { model } });
    await Promise.all([this.loadModels(), this.loadList(), this.followAddress()]);
  }

  #session(session) {
    this.store.dispatch({ type: "session/changed", session });
  }

  // Where we are

  /** Shows what the address bar says. */
  async followAddress() {
    const match = /^\/c\/([0-9a-f-]{36})$/iu.exec(location.pathname);
    const messageID = /^#m-([0-9a-f-]{36})$/iu.exec(location.hash)?.[1] ?? null;
    await this.#show(match?.[1].toLowerCase() ?? null, messageID);
  }

  /** Goes to a conversation, or with null to a new chat. */
  async go(conversationID, { messageID = null, replace = false } = {}) {
    const address = conversationID ? `/c/${conversationID}${messageID ? `#m-${messageID}` : ""}` : "/";
    if (address !== location.pathname + location.hash) {
      history[replace ? "replaceState" : "pushState"](null, "", address);
    }
    await this.#show(conversationID, messageID);
  }

  async #show(conversationID, messageID) {
    this.store.dispatch({ type: "route/changed", conversationID, messageID });
    if (!conversationID) return;
    const chat = await this.chat();
    await chat.threads.open(conversationID, messageID);
  }

  /** The modules of the chat: answers, sending, threads and their view. */
  chat() {
    this.#chat ??= this.openChat(this);
    return this.#chat;
  }

  // Lists

  async loadModels() {
    try {
      this.store.dispatch({ type: "models/loaded", models: await this.api.models() });
    } catch (error) {
      if (error.status !== 401) this.report(error, "The list of models could not be read.");
    }
  }

  async loadList({ more = false } = {}) {
    const before = more ? this.state.list.next : undefined;
    if (more && !before) return;
    try {
      const page = await this.api.conversations({ limit: PAGE, before });
      this.store.dispatch({ type: "list/loaded", conversations: page.conversations, next: page.next });
    } catch (error) {
      if (error.status !== 401) this.store.dispatch({ type: "list/failed" });
    }
  }

  /** Reads one conversation again: its title may have come. */
  async refresh(id) {
    const conversation = await this.api.conversation(id);
    this.store.dispatch({ type: "conversation/changed", conversation });
    return conversation;
  }

  // Conversations

  rename = (id, title) => this.#patch(id, { title }, { title, titleIsAutomatic: false });
  pin = (id, pinned) => this.#patch(id, { pinned });

  async archive(id, archived = true) {
    const isDone = await this.#patch(id, { archived });
    if (!isDone || !archived) return isDone;
    if (this.state.route.conversationID === id) await this.go(null);
    await this.notify("Chat archived", { action: "Undo", run: () => this.archive(id, false) });
    return true;
  }

  async delete(id) {
    const conversation = this.state.conversations[id];
    if (this.state.route.conversationID === id) await this.go(null);
    this.store.dispatch({ type: "conversation/removed", id });
    try {
      await this.api.deleteConversation(id);
    } catch (error) {
      if (conversation) this.store.dispatch({ type: "conversation/changed", conversation });
      return this.report(error, "The chat was not deleted.");
    }
    return this.notify(`Deleted “${conversation?.title ?? "chat"}”`, { action: "Undo", run: () => this.restore(id) });
  }

  async restore(id) {
    try {
      const conversation = await this.api.restoreConversation(id);
      this.store.dispatch({ type: "conversation/changed", conversation });
      await this.notify("Chat restored");
    } catch (error) {
      await this.report(error, "The chat could not be restored.");
    }
  }

  /** The model of this chat, or of the next new one. */
  async chooseModel(model) {
    const conversation = currentConversation(this.state);
    if (conversation) return this.#patch(conversation.id, { model });
    this.store.dispatch({ type: "newChat/changed", change: { model } });
    if (model) this.storage.setItem(MODEL_KEY, model);
    else this.storage.removeItem(MODEL_KEY);
    return true;
  }

  /** The system prompt of this chat, or of the new one that is being begun; null for none. */
  async instruct(systemPrompt) {
    const conversation = currentConversation(this.state);
    if (conversation) return this.#patch(conversation.id, { systemPrompt });
    this.store.dispatch({ type: "newChat/changed", change: { systemPrompt } });
    return true;
  }

  setTemporary(temporary) {
    this.store.dispatch({ type: "newChat/changed", change: { temporary } });
  }

  exportAddress(id, format) {
    return Api.exportURL(id, format);
  }

  async #patch(id, body, shown = body) {
    const before = this.state.conversations[id];
    this.store.dispatch({ type: "conversation/patched", id, change: shown });
    try {
      const conversation = await this.api.patchConversation(id, body);
      this.store.dispatch({ type: "conversation/changed", conversation });
      return true;
    } catch (error) {
      if (before) this.store.dispatch({ type: "conversation/patched", id, change: before });
      await this.report(error, "The change was not saved.");
      return false;
    }
  }

  // Notices

  /** Shows a short notice, with one thing to do if `action` is given. */
  async notify(text, options) {
    const { showToast } = await import("./toast.js");
    showToast(text, options);
  }

  async report(error, what) {
    const why = error.detail ?? error.title ?? error.message ?? "";
    await this.notify(`${what} ${why}`.trim());
  }
}
