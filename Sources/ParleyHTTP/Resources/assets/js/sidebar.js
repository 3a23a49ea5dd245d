// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// The list of chats: by day, pinned ones on top, with a menu for each. On a narrow screen it is a drawer.

import { byID, h, iconButton, isMac, isNarrow, isPlainClick, isTouch, reconcile } from "./dom.js";
import { groupConversations } from "./format.js";
import { keycaps, keysOf } from "./shortcuts.js";
import { listed } from "./state.js";

const FOLDED_KEY = "parley.sidebar";

export class Sidebar {
  #items = new Map();
  #renaming = null;

  constructor({ store, actions, storage }) {
    Object.assign(this, { store, actions, storage });
    this.app = byID("app");
    this.list = byID("chat-list");
    this.end = h("div", { class: "list-note" });
    if (isNarrow() || storage.getItem(FOLDED_KEY) === "folded") this.#setFolded(true, { isKept: false });
    byID("fold-sidebar").addEventListener("click", () => this.fold());
    byID("scrim").addEventListener("click", () => this.fold());
    byID("sidebar").addEventListener("keydown", (event) => {
      if (event.key === "Escape" && isNarrow() && !event.defaultPrevented) this.fold();
    });
    byID("sidebar").addEventListener("click", (event) => this.#followLink(event));
    byID("open-search").append(h("kbd", { text: keycaps(keysOf("search"), isMac).join(isMac ? "" : "+") }));
    matchMedia("(max-width: 52rem)").addEventListener("change", (event) => {
      this.#setFolded(event.matches || storage.getItem(FOLDED_KEY) === "folded", { isKept: false });
    });
    new IntersectionObserver(([entry]) => {
      if (entry.isIntersecting && store.state.list.next) actions.loadList({ more: true });
    }, { root: this.list, rootMargin: "600px" }).observe(this.end);
    store.subscribe((state, previous) => {
      const isSame = ["conversations", "list", "route", "answering", "session"]
        .every((name) => state[name] === previous[name]);
      if (!isSame) this.render();
    });
    this.render();
  }

  // Folding

  get isFolded() {
    return this.app.dataset.sidebar === "folded";
  }

  fold() {
    const hadFocus = byID("sidebar").contains(document.activeElement);
    this.#setFolded(true);
    if (hadFocus) document.querySelector(".show-sidebar")?.focus();
  }

  unfold() {
    this.#setFolded(false);
    byID("fold-sidebar").focus({ preventScroll: true });
  }

  toggle() {
    if (this.isFolded) this.unfold();
    else this.fold();
  }

  #setFolded(isFolded, { isKept = !isNarrow() } = {}) {
    if (isFolded) this.app.dataset.sidebar = "folded";
    else delete this.app.dataset.sidebar;
    // Beside an open drawer nothing else can be reached.
    byID("chat").inert = !isFolded && isNarrow();
    if (isKept) this.storage.setItem(FOLDED_KEY, isFolded ? "folded" : "open");
  }

  #followLink(event) {
    const link = event.target.closest("a[href^='/']");
    if (!link || link.hasAttribute("download") || !isPlainClick(event)) return;
    event.preventDefault();
    if (isNarrow()) this.#setFolded(true);
    this.actions.go(link.dataset.id ?? null);
    if (!link.dataset.id && !isTouch()) byID("message").focus();
  }

  // The list

  render() {
    const { state } = this.store;
    const conversations = listed(state.conversations);
    const busy = new Set(Object.values(state.answering).map((answer) => answer.conversationID));
    const nodes = [];
    for (const group of groupConversations(conversations)) {
      const heading = this.#heading(group.label);
      const items = this.#group(group.label);
      reconcile(items, group.conversations.map((conversation) => this.#item(conversation, busy.has(conversation.id))));
      nodes.push(heading, items);
    }
    this.#showEnd(conversations.length);
    reconcile(this.list, [...nodes, this.end]);
    const ids = new Set(conversations.map((conversation) => conversation.id));
    for (const id of this.#items.keys()) {
      if (!ids.has(id)) this.#items.delete(id);
    }
    byID("open-settings").querySelector("span").textContent = state.session.user && state.session.mode === "accounts"
      ? state.session.user.name : "Settings";
  }

  #groups = new Map();

  #heading(label) {
    return this.#cached(`heading ${label}`, () => h("h2", { class: "chat-group", text: label }));
  }

  #group(label) {
    return this.#cached(`items ${label}`, () => h("ul", { class: "chat-items", "aria-label": label }));
  }

  #cached(key, make) {
    if (!this.#groups.has(key)) this.#groups.set(key, make());
    return this.#groups.get(key);
  }

  #showEnd(count) {
    const { list, session } = this.store.state;
    let content = [];
    if (list.status === "failed") {
      content = ["The list could not be read. ", h("button", {
        type: "button", text: "Try again", onclick: () => this.actions.loadList(),
      })];
    } else if (count === 0 && list.status === "ready" && session.status === "signedIn") {
      content = ["Your chats will stand here."];
    }
    this.end.replaceChildren(...content);
  }

  #item(conversation, isBusy) {
    let item = this.#items.get(conversation.id);
    if (!item) {
      item = this.#makeItem(conversation.id);
      this.#items.set(conversation.id, item);
    }
    const isCurrent = conversation.id === this.store.state.route.conversationID;
    item.element.toggleAttribute("data-current", isCurrent);
    if (isCurrent) item.link.setAttribute("aria-current", "page");
    else item.link.removeAttribute("aria-current");
    if (item.title.textContent !== conversation.title) {
      const isFresh = item.title.textContent !== "";
      item.title.textContent = conversation.title;
      item.link.title = conversation.title;
      item.title.toggleAttribute("data-fresh", isFresh);
    }
    item.pulse.hidden = !isBusy;
    return item.element;
  }

  #makeItem(id) {
    const title = h("span", { class: "chat-title" });
    const pulse = h("span", { class: "pulse", role: "img", "aria-label": "Answering", hidden: true });
    const link = h("a", { class: "chat-link", href: `/c/${id}`, "data-id": id }, pulse, title);
    const more = iconButton("more", "More", () => this.#openMenu(id, more), {
      class: "chat-more", "aria-haspopup": "menu", "aria-expanded": "false",
    });
    const element = h("li", { class: "chat-item" }, link, more);
    element.addEventListener("contextmenu", (event) => {
      if (isTouch() || event.target.closest("input")) return;
      event.preventDefault();
      this.#openMenu(id, more);
    });
    link.addEventListener("dblclick", () => this.rename(id));
    return { element, link, title, pulse, more };
  }

  async #openMenu(id, anchor) {
    const conversation = this.store.state.conversations[id];
    if (!conversation) return;
    const { openMenu } = await import("./menu.js");
    await openMenu(anchor, this.menuEntries(conversation), { label: conversation.title });
  }

  /** What can be done with a conversation. */
  menuEntries(conversation) {
    const { id, pinned, archived, temporary } = conversation;
    const { actions } = this;
    const entries = [{ label: "Export as Markdown", icon: "download", href: actions.exportAddress(id, "markdown"), download: "" },
      { label: "Export as JSON", icon: "download", href: actions.exportAddress(id, "json"), download: "" }, "-"];
    if (!temporary) {
      entries.unshift(
        { label: "Rename", icon: "pencil", run: () => this.rename(id) },
        { label: pinned ? "Unpin" : "Pin", icon: "pin", run: () => actions.pin(id, !pinned) },
        archived
          ? { label: "Take out of the archive", icon: "restore", run: () => actions.archive(id, false) }
          : { label: "Archive", icon: "archive", run: () => actions.archive(id) }, "-");
    }
    entries.push({ label: "Delete", icon: "trash", isDanger: true, run: () => actions.delete(id) });
    return entries;
  }

  /** Renames in place; where the list is folded away or does not show it, in a dialogue. */
  async rename(id) {
    const conversation = this.store.state.conversations[id];
    const item = this.#items.get(id);
    if (!conversation || this.#renaming === id) return;
    if (!item || this.isFolded) {
      const { askForText } = await import("./dialogs.js");
      const title = await askForText({ title: "Rename", label: "Title", value: conversation.title, limit: 200 });
      if (title && title !== conversation.title) await this.actions.rename(id, title);
      return;
    }
    this.#renameInPlace(conversation, item);
  }

  #renameInPlace(conversation, item) {
    this.#renaming = conversation.id;
    const box = h("input", {
      class: "chat-rename", "aria-label": "Title", maxlength: "200", value: conversation.title,
    });
    let isDone = false;
    const end = (isSaved) => {
      if (isDone) return;
      isDone = true;
      this.#renaming = null;
      const title = box.value.trim();
      const hadFocus = document.activeElement === box;
      box.replaceWith(item.link);
      item.more.hidden = false;
      if (hadFocus) item.link.focus({ preventScroll: true });
      if (isSaved && title && title !== conversation.title) this.actions.rename(conversation.id, title);
    };
    box.addEventListener("keydown", (event) => {
      if (event.isComposing || event.keyCode === 229) return;
      if (event.key === "Enter") end(true);
      else if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        end(false);
      }
    });
    box.addEventListener("blur", () => end(true));
    item.link.replaceWith(box);
    item.more.hidden = true;
    box.focus();
    box.select();
  }
}
