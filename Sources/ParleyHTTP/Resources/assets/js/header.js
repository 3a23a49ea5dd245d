// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// The line at the top of a chat: its title, what kind of chat it is, and its menu.

import { byID, h, iconButton, isTouch } from "./dom.js";
import { currentConversation } from "./state.js";

export class Header {
  constructor({ store, actions, sidebar }) {
    Object.assign(this, { store, actions, sidebar });
    this.show = iconButton("menu", "Show the list of chats", () => sidebar.unfold(), {
      class: "show-sidebar", "aria-controls": "sidebar",
    });
    this.begin = iconButton("compose", "New chat", () => this.#begin(), { class: "begin" });
    this.title = h("p", { class: "chat-head-title" });
    this.tag = h("span", { class: "tag", text: "Temporary", hidden: true });
    this.temporary = iconButton("temporary", "Temporary chat", () => this.#toggleTemporary(), { class: "toggle" });
    this.more = iconButton("more", "This chat", () => this.#openMenu(), {
      id: "chat-menu", "aria-haspopup": "menu", "aria-expanded": "false",
    });
    byID("chat-head").replaceChildren(this.show, this.begin, this.title, this.tag, this.temporary, this.more);
    store.subscribe((state, previous) => {
      const isSame = ["route", "conversations", "newChat"].every((name) => state[name] === previous[name]);
      if (!isSame) this.render();
    });
    this.render();
  }

  render() {
    const { state } = this.store;
    const conversation = currentConversation(state);
    const isNew = state.route.conversationID === null;
    const title = conversation?.title ?? "";
    if (this.title.textContent !== title) this.title.textContent = title;
    this.tag.hidden = !conversation?.temporary;
    this.begin.hidden = isNew;
    this.temporary.hidden = !isNew;
    this.temporary.setAttribute("aria-pressed", String(state.newChat.temporary));
    this.more.hidden = !conversation;
    document.title = title ? `${title} – Parley` : "Parley";
    byID("welcome").textContent = state.newChat.temporary
      ? "This chat leaves nothing behind" : "What would you like to know?";
  }

  #begin() {
    this.actions.go(null);
    if (!isTouch()) byID("message").focus();
  }

  #toggleTemporary() {
    this.actions.setTemporary(!this.store.state.newChat.temporary);
    byID("message").focus();
  }

  async #openMenu() {
    const conversation = currentConversation(this.store.state);
    if (!conversation) return;
    const { openMenu } = await import("./menu.js");
    await openMenu(this.more, this.sidebar.menuEntries(conversation));
  }
}
