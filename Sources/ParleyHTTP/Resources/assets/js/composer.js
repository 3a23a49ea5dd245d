// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// The box in which messages are written: it grows, keeps drafts, and knows whether it may send. Around it stand the
// model, the instructions, the state of the connection, and on an empty chat a few suggestions.

import { autoGrow, byID, h, isTouch, wantsCalm } from "./dom.js";
import { describeLookIn, lookIn } from "./drafts.js";
import { modelLabel } from "./format.js";
import { answerUnderWay, busyWith, currentConversation } from "./state.js";

/** Bytes of one message, at most; the server refuses more. */
const MESSAGE_BYTES = 256 * 1024;
const DRAFT_AFTER_MS = 300;
/** Shorter breaks of the connection are not worth a word. */
const SAY_AFTER_MS = 1500;
const RESUMED_FOR_MS = 3000;

const LOCAL_SUGGESTIONS = [
  "How do I connect a model server?", "What if a server dies in mid-answer?",
  "How do I import my chats from ChatGPT?", "Which keyboard shortcuts are there?",
];
const SUGGESTIONS = [
  "Explain how HTTPS keeps a connection private", "SQL for each customer's latest order",
  "Draft an e-mail that moves a meeting", "Compare SQLite and PostgreSQL",
];

export class Composer {
  #draftTimer = null;
  #statusTimer = null;
  #wasInterrupted = false;
  #place = null;
  /** Whether files are being dragged over the page. */
  isDragging = false;

  constructor({ store, actions, drafts, storage }) {
    Object.assign(this, { store, actions, drafts, storage });
    this.box = byID("message");
    this.grow = autoGrow(this.box);
    this.box.addEventListener("input", () => this.#typed());
    this.box.addEventListener("keydown", (event) => this.#pressed(event));
    byID("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    byID("composer").addEventListener("click", (event) => {
      if (event.target === event.currentTarget) this.box.focus();
    });
    byID("stop").addEventListener("click", async () => (await actions.chat()).view.stop());
    byID("model").addEventListener("click", (event) => this.#chooseModel(event.currentTarget));
    byID("instructions").addEventListener("click", () => this.openInstructions());
    byID("add").addEventListener("click", () => this.#withKnowledge((it) => it.openMenu(byID("add"))));
    byID("look-in").addEventListener("click", () => this.#withKnowledge((it) => it.openMenu(byID("add"))));
    this.#takeFiles();
    addEventListener("pagehide", () => this.#keepDraft());
    store.subscribe((state, previous) => this.#changed(state, previous));
    this.render();
  }

  get #draftKey() {
    return this.store.state.route.conversationID ?? "new";
  }

  focus() {
    this.box.focus();
  }

  // Writing

  #typed() {
    this.actions.chat().then((chat) => chat.answers.warm());
    clearTimeout(this.#draftTimer);
    this.#draftTimer = setTimeout(() => this.#keepDraft(), DRAFT_AFTER_MS);
    this.#showButtons();
  }

  #keepDraft() {
    clearTimeout(this.#draftTimer);
    if (this.#place !== null) this.drafts.set(this.#place, this.box.value);
  }

  #pressed(event) {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
      const needsMod = this.storage.getItem("parley.sendWith") === "mod";
      if (needsMod && !event.metaKey && !event.ctrlKey) return;
      event.preventDefault();
      this.submit();
    } else if (event.key === "ArrowUp" && !event.altKey && this.box.value === "" && this.#draftKey !== "new") {
      event.preventDefault();
      this.actions.chat().then((chat) => chat.view.editLast());
    }
  }

  async submit(text = this.box.value) {
    const content = text.trim();
    if (content === "") return;
    const reason = busyWith(this.store.state, this.store.state.route.conversationID);
    if (reason) return this.#say(REASONS[reason], "");
    if (new TextEncoder().encode(content).length > MESSAGE_BYTES) {
      return this.#say("This message is longer than 256 KiB. Shorten it to send it.", "danger");
    }
    this.#setText("");
    clearTimeout(this.#draftTimer);
    const { sending } = await this.actions.chat();
    await sending.send(content);
    return undefined;
  }

  #setText(text) {
    this.box.value = text;
    this.grow();
    this.#showButtons();
  }

  // Showing

  #changed(state, previous) {
    const isSame = ["route", "models", "conversations", "newChat", "answering", "threads", "connection", "session"]
      .every((name) => state[name] === previous[name]);
    if (!isSame) this.render(previous);
  }

  render(previous = null) {
    const { state } = this.store;
    const isEmpty = state.route.conversationID === null;
    const chat = byID("chat");
    if (chat.hasAttribute("data-empty") !== isEmpty) this.#move(() => chat.toggleAttribute("data-empty", isEmpty));
    if (this.#place !== this.#draftKey) this.#changePlace();
    const conversation = currentConversation(state);
    const model = (conversation ?? state.newChat).model ?? state.models.default;
    const button = byID("model");
    button.hidden = !model;
    button.querySelector("span").textContent = state.models.isLocal ? "No model" : modelLabel(model ?? "");
    button.setAttribute("aria-label", `Model: ${model ?? "none"}`);
    this.#showLookIn();
    const prompt = (conversation ?? state.newChat).systemPrompt;
    byID("instructions").toggleAttribute("data-set", Boolean(prompt));
    byID("instructions").setAttribute("aria-label", prompt ? "Instructions: set" : "Instructions: none");
    this.#showButtons();
    this.#showSuggestions();
    this.#showFootnote();
    if (previous && previous.session.user !== state.session.user) this.#changeOwner();
    if (!previous || previous.connection !== state.connection) this.#showConnection();
  }

  /** The box moves smoothly between the middle of an empty chat and the foot of one that has begun. */
  #move(change) {
    const box = byID("composer");
    const before = box.getBoundingClientRect().top;
    change();
    const moved = before - box.getBoundingClientRect().top;
    if (wantsCalm() || Math.abs(moved) < 8 || document.visibilityState !== "visible") return;
    box.animate([{ transform: `translateY(${moved}px)` }, { transform: "none" }],
      { duration: 240, easing: "cubic-bezier(0.2, 0, 0, 1)" });
  }

  #changePlace() {
    this.#keepDraft();
    this.#place = this.#draftKey;
    this.#setText(this.drafts.get(this.#place));
    this.#hush();
    this.#takeFocus();
  }

  /** Somebody with a keyboard can write at once; on a touch screen the keyboard stays closed. */
  #takeFocus() {
    if (!isTouch()) this.box.focus({ preventScroll: true });
  }

  /** Somebody has signed in: the drafts are theirs. What was typed before that stays. */
  #changeOwner() {
    if (this.box.value === "") this.#setText(this.drafts.get(this.#draftKey));
    this.#takeFocus();
  }

  /** Takes a draft that was put back, for instance of a message that could not be sent. */
  takeDraft() {
    if (this.box.value === "") this.#setText(this.drafts.get(this.#draftKey));
  }

  #showButtons() {
    const { state } = this.store;
    const answer = answerUnderWay(state, state.route.conversationID);
    const stop = byID("stop");
    const hadFocus = document.activeElement === stop;
    byID("send").hidden = answer !== null;
    byID("send").disabled = this.box.value.trim() === "" || state.session.status !== "signedIn";
    stop.hidden = answer === null;
    stop.disabled = answer?.isStopping ?? false;
    stop.setAttribute("aria-label", answer?.isStopping ? "Stopping" : "Stop the answer");
    if (hadFocus && stop.hidden) this.box.focus();
    if (!answer && byID("status").dataset.about === "busy") this.#hush();
  }

  /** Says where answers look, when that is not everywhere. */
  #showLookIn() {
    const words = describeLookIn(lookIn(this.storage));
    byID("look-in").hidden = words === null;
    byID("look-in").querySelector("span").textContent = words ?? "";
    byID("look-in").setAttribute("aria-label", `Documents: ${words ?? "all"}`);
  }

  #showSuggestions() {
    const { models, route, session } = this.store.state;
    const place = byID("suggestions");
    if (route.conversationID !== null || session.status !== "signedIn") return;
    const texts = models.isLocal ? LOCAL_SUGGESTIONS : SUGGESTIONS;
    if (place.firstChild?.textContent === texts[0] || !models.default) return;
    place.replaceChildren(...texts.map((text) => h("button", {
      type: "button", class: "suggestion", text, onclick: () => this.submit(text),
    })));
  }

  #showFootnote() {
    const { models, newChat, route } = this.store.state;
    const conversation = currentConversation(this.store.state);
    const isTemporary = route.conversationID ? conversation?.temporary : newChat.temporary;
    const key = `${models.isLocal}|${isTemporary}`;
    const note = byID("footnote");
    if (note.dataset.shown === key || !models.default) return;
    note.dataset.shown = key;
    if (isTemporary) {
      note.replaceChildren("Temporary chat: not in your list, not searched, gone after 24 hours.");
    } else if (models.isLocal) {
      note.replaceChildren("No language model is connected: answers quote your documents and the manual. ", h("button", {
        type: "button", text: "Connect one", onclick: () => this.submit(LOCAL_SUGGESTIONS[0]),
      }));
    } else {
      note.replaceChildren("Language models make mistakes. Check what matters.");
    }
  }

  // The line above the box

  #say(text, kind, about = "busy") {
    const status = byID("status");
    status.replaceChildren(...(about === "connection" ? [h("span", { class: "pulse" })] : []), h("span", { text }));
    Object.assign(status.dataset, { kind, about });
    status.hidden = false;
  }

  #hush() {
    byID("status").hidden = true;
    byID("status").dataset.about = "";
  }

  #showConnection() {
    const { state: connection } = this.store.state.connection;
    if (connection === "waiting" || connection === "connecting") {
      this.#statusTimer ??= setTimeout(() => this.#interrupted("Connecting again…"), SAY_AFTER_MS);
      return;
    }
    clearTimeout(this.#statusTimer);
    this.#statusTimer = null;
    if (connection === "offline") {
      this.#interrupted("You are offline. Answers go on without you and appear when you are back.");
    } else if (connection === "open" && this.#wasInterrupted) {
      this.#resumed();
    } else if (byID("status").dataset.about === "connection") {
      this.#hush();
    }
  }

  #interrupted(text) {
    this.#wasInterrupted = true;
    this.#say(text, "", "connection");
  }

  #resumed() {
    this.#wasInterrupted = false;
    const isAnswering = answerUnderWay(this.store.state, this.store.state.route.conversationID);
    this.#say(isAnswering ? "Connected again. The answer goes on." : "Connected again.", "", "resumed");
    setTimeout(() => byID("status").dataset.about === "resumed" && this.#hush(), RESUMED_FOR_MS);
  }

  // Files

  /** Files that are pasted, or dropped anywhere on the page. */
  #takeFiles() {
    const hasFiles = (transfer) => [...(transfer?.types ?? [])].includes("Files");
    const mayTake = () => this.store.state.session.status === "signedIn";
    this.box.addEventListener("paste", (event) => {
      if (!event.clipboardData?.files.length || event.clipboardData.types.includes("text/plain")) return;
      event.preventDefault();
      const files = [...event.clipboardData.files];
      this.#withKnowledge((it) => it.drop(files));
    });
    addEventListener("dragover", (event) => {
      if (!hasFiles(event.dataTransfer) || !mayTake()) return;
      event.preventDefault();
      // It comes again and again while they hover.
      if (this.isDragging) return;
      this.isDragging = true;
      this.#withKnowledge((it) => it.dragged());
    });
    addEventListener("dragleave", (event) => {
      if (event.relatedTarget !== null || !this.isDragging) return;
      this.isDragging = false;
      this.#withKnowledge((it) => it.dragEnded());
    });
    addEventListener("drop", (event) => {
      if (!hasFiles(event.dataTransfer) || !mayTake()) return;
      event.preventDefault();
      this.isDragging = false;
      // A folder has no bytes; what it holds is not read.
      const files = [...event.dataTransfer.files].filter((file) => file.size > 0 || file.type !== "");
      this.#withKnowledge((it) => it.drop(files));
    });
  }

  /** Loads the part that knows documents, once it is needed. */
  async #withKnowledge(action) {
    const { knowledge } = await import("./knowledge.js");
    return action(knowledge({ api: this.actions.api, actions: this.actions, storage: this.storage, composer: this }));
  }

  openDocuments() {
    return this.#withKnowledge((it) => it.openDocuments());
  }

  // Menus

  async #chooseModel(button) {
    const { openMenu } = await import("./menu.js");
    const { models, newChat } = this.store.state;
    const chosen = (currentConversation(this.store.state) ?? newChat).model;
    const entries = models.names.map((name) => ({
      label: modelLabel(name),
      hint: name === models.default ? "Default" : (name === modelLabel(name) ? null : name),
      isChecked: name === (chosen ?? models.default),
      run: () => this.actions.chooseModel(name === models.default ? null : name),
    }));
    await openMenu(button, entries, { label: "Model" });
  }

  async openInstructions() {
    const { openInstructions } = await import("./instructions.js");
    await openInstructions({ store: this.store, actions: this.actions });
  }
}

const REASONS = {
  answering: "Parley is still answering. Stop it to send this now.",
  sending: "Your last message is still on its way.",
  unsent: "Send or discard the message above first.",
};
