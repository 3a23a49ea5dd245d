// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// The messages of the chat on the page: builds and updates their views, a page at a time, and keeps the scroll.

import { announce, byID, copyText, h, icon, reconcile } from "./dom.js";
import { plainText } from "./format.js";
import { MessageView } from "./message-view.js";
import { Scroller } from "./scroller.js";
import { openSource } from "./sources.js";
import { answerUnderWay, busyWith, currentThread } from "./state.js";

/** Milliseconds of building messages before the browser gets a turn. */
const SLICE_MS = 8;
/** Pixels that one line of text is thought to need before it is laid out, and its characters. */
const LINE_PIXELS = 27;
const LINE_CHARACTERS = 80;

export class ThreadView {
  #views = new Map();
  #prepared = new Map();
  #elements = new WeakMap();
  #shown = { conversationID: null, messages: null };
  #growing = new Map();
  #frame = 0;
  #frameCost = 0;
  #lastFrame = 0;

  constructor({ store, actions, answers, sending, threads }) {
    Object.assign(this, { store, actions, answers, sending, threads });
    this.box = byID("thread");
    this.list = h("div", { class: "messages" });
    this.box.replaceChildren(this.list);
    this.scroller = new Scroller({
      box: this.box, content: this.list, jump: byID("jump"), onNearTop: () => this.#more(),
      onScroll: (top) => byID("chat").toggleAttribute("data-scrolled", top > 4),
    });
    this.commands = this.#commands();
    answers.onText = (messageID, text) => this.#grew(messageID, text);
    this.list.addEventListener("click", (event) => this.#clicked(event));
    store.subscribe((state, previous) => this.#changed(state, previous));
    this.render();
  }

  /** Builds the views of messages before they are shown, a slice of time at once, newest first. */
  async prepare(messages) {
    let start = performance.now();
    for (const message of messages.toReversed()) {
      if (this.#views.has(message.key) || this.#prepared.has(message.key)) continue;
      this.#prepared.set(message.key, new MessageView(message, this.commands));
      if (performance.now() - start > SLICE_MS) {
        await new Promise((resolve) => setTimeout(resolve));
        start = performance.now();
      }
    }
  }

  #changed(state, previous) {
    const isSame = state.route === previous.route && state.answering === previous.answering
      && state.models === previous.models && currentThread(state) === currentThread(previous);
    if (!isSame) this.render();
  }

  render() {
    const { state } = this.store;
    const { conversationID } = state.route;
    const thread = currentThread(state);
    const isOther = conversationID !== this.#shown.conversationID;
    if (isOther) {
      this.#views.clear();
      this.#growing.clear();
      byID("chat").removeAttribute("data-scrolled");
    }
    if (!conversationID || !thread) {
      this.#shown = { conversationID, messages: null };
      reconcile(this.list, conversationID ? [this.#note("Opening…")] : []);
      return;
    }
    const { messages } = thread;
    const before = this.#shown.messages;
    this.#shown = { conversationID, messages };
    if (messages.length === 0) {
      reconcile(this.list, this.#emptyNote(thread));
      return;
    }
    this.#place(thread, isOther ? null : before, state);
  }

  /** Puts the messages on the page and the scroll where it belongs. */
  #place(thread, before, state) {
    const { messages, next } = thread;
    const context = { hasModels: state.models.names.length > 1 };
    this.list.toggleAttribute("data-busy", busyWith(state, state.route.conversationID) !== null);
    const unsent = this.#unsentAtTop(messages);
    const views = messages.map((message, index) => this.#view(message, {
      ...context, isLast: index === messages.length - 1, isNearEnd: index >= messages.length - 2,
      isHeld: ["waiting", "failed"].includes(messages[index - 1]?.delivery),
    }));
    const anchor = this.#anchor(before, messages);
    const restore = this.scroller.hold(anchor);
    const nodes = views.map((view) => view.element);
    if (next) nodes.unshift(this.#moreNote());
    reconcile(this.list, nodes);
    this.#forget(messages);
    const sent = newlySent(before, messages);
    if (!before || before.length === 0) this.#arrive(state, sent);
    else if (sent) this.#makeRoom(sent, { isSmooth: true });
    else if (unsent) this.#makeRoom(unsent, {});
    else if (anchor) restore();
    this.scroller.settle();
  }

  /** The question that stands at the top and is not sent: a notice will change its height. */
  #unsentAtTop(messages) {
    const question = messages.at(-2);
    const element = question?.delivery && this.#views.get(question.key)?.element;
    if (!element?.isConnected) return null;
    const distance = element.getBoundingClientRect().top - this.box.getBoundingClientRect().top;
    return Math.abs(distance) < 60 ? question : null;
  }

  /** The first scroll position of a chat that was opened. */
  #arrive(state, sent) {
    const { messageID } = state.route;
    const sought = messageID ? this.#viewOf(messageID) : null;
    if (sought) this.#find(sought);
    else if (sent) this.#makeRoom(sent, {});
    else this.scroller.toEnd();
    requestAnimationFrame(() => (sought ? sought.element.scrollIntoView({ block: "center" }) : this.scroller.settle()));
  }

  #find(view) {
    this.scroller.isFollowing = false;
    view.element.scrollIntoView({ block: "center" });
    view.element.dataset.found = "";
    view.element.focus({ preventScroll: true });
    setTimeout(() => delete view.element.dataset.found, 2500);
  }

  /** Goes to a message of the branch that is shown; false when it is not on it. */
  goTo(messageID) {
    const view = this.#viewOf(messageID);
    if (view) this.#find(view);
    return Boolean(view);
  }

  /** Puts a question at the top, with room below it for the answer, so that nothing moves while that is written. */
  #makeRoom(message, { isSmooth = false }) {
    const question = this.#views.get(message.key)?.element;
    const answer = question?.nextElementSibling;
    if (!answer) return;
    for (const element of this.list.children) element.style.removeProperty("--exchange");
    const room = this.box.clientHeight - question.offsetHeight - 24;
    answer.style.setProperty("--exchange", `${Math.max(0, Math.floor(room))}px`);
    this.scroller.toTop(question, { isSmooth });
  }

  #view(message, context) {
    let view = this.#views.get(message.key);
    if (!view) {
      view = this.#prepared.get(message.key) ?? new MessageView(message, this.commands);
      this.#prepared.delete(message.key);
      this.#views.set(message.key, view);
      this.#elements.set(view.element, view);
      const lines = Math.ceil(message.content.length / LINE_CHARACTERS) + message.content.split("\n").length;
      view.element.style.containIntrinsicBlockSize = `auto ${64 + lines * LINE_PIXELS}px`;
    }
    const liveText = message.state === "pending" ? this.answers.text(message.id) : null;
    view.update(message, { ...context, liveText });
    return view;
  }

  #viewOf(messageID) {
    const message = this.#shown.messages?.find((candidate) => candidate.id === messageID);
    return message ? this.#views.get(message.key) : null;
  }

  #forget(messages) {
    const keys = new Set(messages.map((message) => message.key));
    for (const key of this.#views.keys()) {
      if (!keys.has(key)) this.#views.delete(key);
    }
  }

  /** The message in sight, if it stays: its place on the screen is kept through a change. */
  #anchor(before, messages) {
    if (!before || this.scroller.isFollowing) return null;
    const { left, top, width, height } = this.box.getBoundingClientRect();
    for (let y = top + 24; y < top + height; y += 48) {
      const element = document.elementFromPoint(left + width / 2, y)?.closest(".message");
      const key = this.#viewAt(element)?.key;
      if (key) return messages.some((message) => message.key === key) ? element : null;
    }
    return null;
  }

  #viewAt(element) {
    return element ? this.#elements.get(element) : undefined;
  }

  // Growing answers

  #grew(messageID, text) {
    if (!this.#viewOf(messageID)) return;
    this.#growing.set(messageID, text);
    if (this.#frame) return;
    // A costly block is not rendered at every frame: at most a quarter of the time goes into it.
    const wait = Math.max(0, this.#lastFrame + this.#frameCost * 4 - performance.now());
    const run = () => {
      this.#frame = requestAnimationFrame(() => this.#showGrown());
    };
    if (wait > 16) this.#frame = setTimeout(run, wait);
    else run();
  }

  #showGrown() {
    this.#frame = 0;
    const start = performance.now();
    for (const [messageID, text] of this.#growing) {
      const view = this.#viewOf(messageID);
      if (view?.message.state === "pending") view.grow(text);
    }
    this.#growing.clear();
    this.scroller.settle();
    this.#lastFrame = performance.now();
    this.#frameCost = this.#lastFrame - start;
  }

  // Older messages

  #more() {
    const thread = currentThread(this.store.state);
    if (thread?.next) this.threads.older(this.store.state.route.conversationID);
  }

  #moreNote() {
    this.moreNote ??= h("div", { class: "thread-more", "aria-hidden": "true" }, h("span", { class: "pulse" }));
    return this.moreNote;
  }

  #note(text, ...more) {
    return h("div", { class: "thread-note" }, h("p", { text }), ...more);
  }

  #emptyNote(thread) {
    if (thread.status === "loading") return [];
    if (thread.status !== "failed") return [this.#note("Nothing has been said here yet.")];
    const isMissing = thread.problem?.status === 404;
    const text = isMissing
      ? "This chat is not here: it was deleted, or it is not yours."
      : `This chat could not be read. ${thread.problem?.detail ?? thread.problem?.title ?? ""}`;
    const button = isMissing
      ? h("button", { type: "button", class: "button", text: "New chat", onclick: () => this.actions.go(null) })
      : h("button", {
        type: "button", class: "button", text: "Try again",
        onclick: () => this.threads.open(this.store.state.route.conversationID),
      });
    return [this.#note(text, button)];
  }

  // Tools

  #commands() {
    return {
      copy: (message, button) => this.#copy(this.answers.text(message.id) ?? message.content, button),
      edit: (message, content) => this.sending.edit(message, content),
      mayEdit: () => this.#isFree(),
      regenerate: (message) => this.#isFree() && this.sending.regenerate(message),
      chooseModel: (message, button) => this.#isFree() && this.#chooseModel(message, button),
      switchBranch: (message, target, direction) => this.#isFree() && this.#switch(message, target, direction),
      retry: (message) => {
        this.sending.wake();
        this.sending.retry(message.id);
      },
      discard: (message) => this.sending.discard(message),
    };
  }

  /** Whether the branch may change now; says why when it may not. */
  #isFree() {
    const reason = busyWith(this.store.state, this.store.state.route.conversationID);
    if (reason === "unsent") this.actions.notify("Send or discard your message first.");
    else if (reason) this.actions.notify("Wait for the answer, or stop it first.");
    return reason === null;
  }

  async #chooseModel(message, button) {
    const { openMenu } = await import("./menu.js");
    await openMenu(button, this.store.state.models.names.map((name) => ({
      label: name, isChecked: name === message.model, run: () => this.sending.regenerate(message, name),
    })), { label: "Answer again with" });
  }

  /** Shows another version, in the place on the screen where the one before it was. */
  async #switch(message, target, direction) {
    const { top } = this.#views.get(message.key).element.getBoundingClientRect();
    this.scroller.isFollowing = false;
    await this.threads.switchTo(message.conversationID, target);
    const view = this.#viewOf(target);
    if (!view) return;
    this.scroller.hold(view.element, top)();
    view.focusBranch(direction);
  }

  async #copy(text, button) {
    if (await copyText(text)) confirmCopy(button);
    else await this.actions.notify("The clipboard cannot be written.");
  }

  async copyLastAnswer() {
    const message = this.#shown.messages?.findLast((candidate) => candidate.role === "assistant");
    if (!message) return;
    if (await copyText(this.answers.text(message.id) ?? message.content)) await this.actions.notify("Answer copied");
  }

  async copyLastCode() {
    const code = [...this.list.querySelectorAll(".code code")].at(-1);
    if (code && await copyText(code.textContent)) await this.actions.notify("Code copied");
  }

  regenerateLast() {
    const message = this.#shown.messages?.at(-1);
    if (message?.role === "assistant" && this.#isFree()) this.sending.regenerate(message);
  }

  editLast() {
    const message = this.#shown.messages?.findLast((candidate) => candidate.role === "user");
    if (message) this.#views.get(message.key).edit();
    return Boolean(message);
  }

  stop() {
    const answer = answerUnderWay(this.store.state, this.store.state.route.conversationID);
    if (answer) this.answers.stop(answer.messageID);
    return Boolean(answer);
  }

  /** Moves the focus to the message before or after the one that has it. */
  step(direction) {
    const views = (this.#shown.messages ?? []).map((message) => this.#views.get(message.key));
    const place = views.findIndex((view) => view.element.contains(document.activeElement));
    const next = place < 0 ? views.at(-1) : views[place + direction];
    if (!next) return;
    this.scroller.isFollowing = false;
    next.element.focus({ preventScroll: true });
    next.element.scrollIntoView({ block: "nearest" });
  }

  #clicked(event) {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.matches(".code-copy")) {
      this.#copy(button.closest(".code").querySelector("code").textContent, button);
    } else if (button.matches(".cite, .source-chip")) {
      const sources = this.#viewAt(button.closest(".message"))?.message.sources ?? [];
      const passage = sources.find((source) => source.n === Number(button.dataset.n));
      if (passage) openSource(button, passage);
    }
  }

  /** Tells screen readers of a finished answer: once, and not of its parts. */
  announceFinished(message) {
    const words = plainText(message.content, 300);
    if (message.state === "completed") announce(`Parley answered: ${words}`);
    else if (message.state === "stopped") announce("The answer was stopped.");
    else announce(`The answer failed. ${message.failure?.message ?? ""}`);
  }
}

/** The last message when it has just been sent from here. */
function newlySent(before, messages) {
  const question = messages.at(-2);
  if (!question?.delivery || before?.some((message) => message.key === question.key)) return null;
  return question;
}

function confirmCopy(button) {
  const words = button.querySelector("span");
  const picture = button.querySelector("svg");
  const old = picture.cloneNode(true);
  picture.replaceWith(icon("check"));
  if (words) words.textContent = "Copied";
  announce("Copied");
  setTimeout(() => {
    button.querySelector("svg")?.replaceWith(old);
    if (words) words.textContent = "Copy";
  }, 1500);
}
