// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// One message on the page: its text, what is to be said of its state, and the row of tools below it.

import { AnswerText } from "./answer-text.js";
import { usedSources } from "./citations.js";
import { CodeBlock } from "./code-block.js";
import { h, iconButton, reconcile } from "./dom.js";
import { longTime, modelLabel, shortTime } from "./format.js";
import { siblingAt, siblingPosition } from "./message-tree.js";
import { splitFences } from "./plain-markdown.js";
import { sourceList } from "./sources.js";

/** Lines of a person's message above which it is folded. */
const FOLDED_LINES = 14;
const FOLDED_CHARACTERS = 1400;

const SPEAKERS = { user: "You", assistant: "Parley", system: "Instructions" };

export class MessageView {
  #message = null;
  #context = {};
  #text = null;
  #editor = null;
  #shownContent = null;
  /** The tools of a message far off the screen are made when it comes near. */
  #isAwake = !("oncontentvisibilityautostatechange" in document);

  /** @param commands what the tools do: `copy, edit, mayEdit, regenerate, chooseModel, switchBranch,
   * retry, discard` */
  constructor(message, commands) {
    this.key = message.key;
    this.commands = commands;
    this.body = h("div", { class: "message-body" });
    this.extras = h("div", { class: "message-extras" });
    this.tools = h("div", { class: "message-tools" });
    this.element = h("article", { class: "message", "data-role": message.role, tabindex: "-1" },
      h("h2", { class: "visually-hidden", text: SPEAKERS[message.role] }),
      this.body, this.extras, this.tools);
    this.element.addEventListener("contentvisibilityautostatechange", (event) => {
      if (!event.skipped) this.#wake();
    });
    if (message.role !== "user") this.#text = new AnswerText();
    this.update(message, {});
  }

  get message() {
    return this.#message;
  }

  /** @param context `{isLast, isNearEnd, isHeld, liveText, hasModels}`; held: its question has not gone out */
  update(message, context) {
    const before = this.#message;
    if (before === message && sameContext(this.#context, context)) return;
    this.#message = message;
    this.#context = context;
    const { element } = this;
    element.id = `m-${message.id}`;
    element.dataset.state = message.state;
    element.toggleAttribute("data-last", Boolean(context.isLast));
    element.toggleAttribute("data-near-end", Boolean(context.isNearEnd));
    if (message.delivery) element.dataset.delivery = message.delivery;
    else delete element.dataset.delivery;
    if (this.#text) this.#showAnswer(context.liveText ?? message.content, before);
    else if (this.#shownContent !== message.content) this.#showQuestion(message.content);
    reconcile(this.extras, this.#extras());
    if (context.isNearEnd) this.#isAwake = true;
    if (this.#isAwake) this.#showTools();
  }

  #wake() {
    if (this.#isAwake) return;
    this.#isAwake = true;
    this.#showTools();
  }

  /** Shows the text of an answer that is growing. */
  grow(text) {
    this.#context = { ...this.#context, liveText: text };
    this.#showAnswer(text);
  }

  #showAnswer(text, before = this.#message) {
    const message = this.#message;
    const isStreaming = message.state === "pending";
    if (text === "" && isStreaming) {
      this.#shownContent = "";
      if (this.#context.isHeld) this.body.replaceChildren();
      else if (!this.body.querySelector(".waiting")) this.body.replaceChildren(waiting());
      return;
    }
    const isSame = before?.state === message.state && before?.sources === message.sources;
    if (isSame && this.#shownContent === text && this.body.firstChild) return;
    this.#shownContent = text;
    if (this.body.firstChild !== this.#text.element) this.body.replaceChildren(this.#text.element);
    this.#text.update(text, { isStreaming, sources: message.sources });
  }

  #showQuestion(content) {
    this.#shownContent = content;
    const text = h("div", { class: "prose plain" }, ...splitFences(content).map((part) => {
      if (part.text !== undefined) return h("div", { class: "block" }, h("p", { text: part.text }));
      const code = new CodeBlock(part.language);
      code.update(part.code, true);
      return h("div", { class: "block" }, code.element);
    }));
    this.body.replaceChildren(text);
    const isLong = content.length > FOLDED_CHARACTERS || content.split("\n").length > FOLDED_LINES;
    if (isLong) this.#fold(text);
  }

  #fold(text) {
    text.classList.add("clamped");
    const button = h("button", {
      type: "button", class: "show-more", text: "Show all", "aria-expanded": "false",
      onclick: () => {
        const isFolded = text.classList.toggle("clamped");
        button.textContent = isFolded ? "Show all" : "Show less";
        button.setAttribute("aria-expanded", String(!isFolded));
      },
    });
    this.body.append(button);
  }

  // What is to be said of the state

  #extras() {
    const message = this.#message;
    const parts = [];
    if (message.role === "user") {
      if (message.delivery === "waiting" || message.delivery === "failed") parts.push(this.#unsent());
      return parts;
    }
    const used = message.state === "pending" ? [] : usedSources(message.content, message.sources);
    if (used.length > 0) parts.push(sourceList(used));
    if (message.wasContinued) parts.push(aside("This answer was interrupted and went on by itself."));
    if (message.state === "stopped") parts.push(aside("Stopped."));
    if (message.state === "failed") parts.push(this.#failure());
    return parts;
  }

  #unsent() {
    const { problem, delivery } = this.#message;
    const isWaiting = delivery === "waiting";
    const text = isWaiting
      ? "Not sent yet: Parley cannot be reached. It goes out as soon as it can."
      : `Not sent. ${problem?.detail ?? problem?.title ?? ""}`;
    return h("div", { class: "notice", "data-kind": isWaiting ? null : "danger" },
      h("p", { text }),
      h("div", { class: "notice-actions" },
        h("button", {
          type: "button", class: "button", text: "Try again", onclick: () => this.commands.retry(this.#message),
        }),
        isWaiting ? null : h("button", {
          type: "button", class: "button button-quiet", text: "Discard",
          onclick: () => this.commands.discard(this.#message),
        })));
  }

  #failure() {
    const { failure, content } = this.#message;
    const text = failure?.message ?? "The answer could not be finished.";
    return h("div", { class: "notice", "data-kind": "danger" },
      h("p", { text: content ? `${text} What came so far is kept.` : text }),
      h("div", { class: "notice-actions" }, h("button", {
        type: "button", class: "button", text: "Try again",
        onclick: () => this.commands.regenerate(this.#message),
      })));
  }

  // Tools

  #showTools() {
    const message = this.#message;
    const isUser = message.role === "user";
    const isAnswer = message.role === "assistant";
    const tools = [];
    const focused = this.tools.contains(document.activeElement) ? document.activeElement.dataset.tool : null;
    if (!message.delivery) {
      if (isAnswer && message.siblings.length > 1) tools.push(this.#branches());
      const copy = (event) => this.commands.copy(message, event.currentTarget);
      tools.push(iconButton("copy", "Copy", copy, { "data-tool": "copy" }));
      if (isUser) tools.push(this.#tool("pencil", "Edit", "edit", () => this.edit()));
      if (isAnswer) tools.push(this.#tool("again", "Regenerate", "again", () => this.commands.regenerate(message)));
      if (isAnswer && this.#context.hasModels) tools.push(this.#modelTool());
      if (isUser && message.siblings.length > 1) tools.push(this.#branches());
      tools.push(this.#when());
    }
    this.tools.replaceChildren(...tools);
    if (focused) this.tools.querySelector(`[data-tool="${focused}"]`)?.focus();
  }

  /** When, and by which model. */
  #when() {
    const { createdAt, model } = this.#message;
    const time = new Date(createdAt);
    const words = model ? `${modelLabel(model)} · ${shortTime(time)}` : shortTime(time);
    return h("time", { class: "meta", datetime: createdAt, title: longTime(time), text: words });
  }

  #tool(name, label, tool, action) {
    return iconButton(name, label, action, { "data-tool": tool });
  }

  #modelTool() {
    return iconButton("open", "Answer again with another model",
      (event) => this.commands.chooseModel(this.#message, event.currentTarget),
      { "data-tool": "model", "aria-haspopup": "menu", "aria-expanded": "false" });
  }

  #branches() {
    const message = this.#message;
    const { position, count } = siblingPosition(message);
    const step = (direction, name, label) => {
      const target = siblingAt(message, direction);
      return iconButton(name, label, () => this.commands.switchBranch(message, target, direction), {
        "data-tool": `branch${direction}`, disabled: target === null,
      });
    };
    return h("span", { class: "branches", role: "group", "aria-label": "Versions" },
      step(-1, "left", "Previous version"), h("span", { text: `${position}/${count}` }),
      step(1, "right", "Next version"));
  }

  focusBranch(direction) {
    const button = this.tools.querySelector(`[data-tool="branch${direction}"]:not(:disabled)`);
    (button ?? this.tools.querySelector("[data-tool^=branch]:not(:disabled)"))?.focus({ preventScroll: true });
  }

  // Editing

  edit() {
    if (this.#editor || !this.commands.mayEdit()) return;
    const message = this.#message;
    const box = h("textarea", { "aria-label": "Edit the message", rows: "2", value: message.content });
    const send = () => {
      const content = box.value.trim();
      if (content === "") return;
      this.#endEdit();
      if (content !== message.content.trim()) this.commands.edit(message, content);
    };
    this.#editor = h("form", {
      class: "editor",
      onsubmit: (event) => {
        event.preventDefault();
        send();
      },
      onkeydown: (event) => {
        if (event.isComposing || event.keyCode === 229) return;
        if (event.key === "Escape") {
          event.stopPropagation();
          this.#endEdit();
        } else if (event.key === "Enter" && !event.shiftKey) {
          event.preventDefault();
          send();
        }
      },
    }, box, h("div", { class: "editor-actions" },
      h("button", { type: "button", class: "button button-quiet", text: "Cancel", onclick: () => this.#endEdit() }),
      h("button", { type: "submit", class: "button button-primary", text: "Send" })));
    this.body.hidden = this.tools.hidden = true;
    this.body.before(this.#editor);
    box.focus();
    box.setSelectionRange(box.value.length, box.value.length);
  }

  #endEdit() {
    this.#editor?.remove();
    this.#editor = null;
    this.body.hidden = this.tools.hidden = false;
    this.tools.querySelector('[data-tool="edit"]')?.focus({ preventScroll: true });
  }
}

function waiting() {
  return h("p", { class: "waiting", role: "img", "aria-label": "Parley is thinking" }, h("i"), h("i"), h("i"));
}

function aside(text) {
  return h("p", { class: "aside-note", text });
}

function sameContext(left, right) {
  const keys = ["isLast", "isNearEnd", "isHeld", "hasModels"];
  return keys.every((key) => Boolean(left[key]) === Boolean(right[key]));
}
