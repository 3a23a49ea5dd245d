// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// The palette (Ctrl/Cmd+K): finds commands, chats by title and places in messages.

import { showDialog } from "./dialogs.js";
import { h, icon, isMac, loadStyle } from "./dom.js";
import { shortTime, snippetParts } from "./format.js";
import { keycaps, keysOf } from "./shortcuts.js";
import { currentConversation, listed } from "./state.js";

const SEARCH_AFTER_MS = 120;
const TITLES = 6;
const RECENT = 6;
const PLACES = 30;

let isOpen = false;

/** Loads what the palette looks like. */
export function preparePalette() {
  return loadStyle("overlays");
}

/** @param words what is looked for at first; `isChosen`: Enter was pressed after them already */
export function openPalette(view, words = "", isChosen = false) {
  if (isOpen) return;
  isOpen = true;
  const palette = new Palette(view);
  palette.open(words);
  if (isChosen) palette.choose();
}

class Palette {
  #options = [];
  #chosen = 0;
  #search = null;
  #timer = null;

  constructor({ store, api, actions, commands, storage }) {
    Object.assign(this, { store, api, actions, commands, storage });
  }

  open(words) {
    this.box = h("input", {
      type: "text", role: "combobox", placeholder: "Search chats and commands", autocomplete: "off",
      spellcheck: "false", "aria-label": "Search chats and commands",
      "aria-expanded": "true", "aria-controls": "palette-list",
      "aria-autocomplete": "list", autofocus: true,
      oninput: () => this.#typed(),
      onkeydown: (event) => this.#pressed(event),
    });
    this.list = h("div", { class: "palette-list", id: "palette-list", role: "listbox", "aria-label": "Results" });
    const dialog = h("dialog", { class: "sheet palette", "aria-label": "Search" },
      h("div", { class: "palette-box" }, icon("search"), this.box, h("kbd", { text: "Esc" })), this.list);
    const { close } = showDialog(dialog, {
      onClose: () => {
        isOpen = false;
        clearTimeout(this.#timer);
        this.#search?.abort();
      },
    });
    this.close = close;
    this.box.value = words;
    this.#typed();
  }

  /** Does what stands first. */
  choose() {
    if (this.#options.length > 0) this.#run(0);
  }

  #typed() {
    clearTimeout(this.#timer);
    this.#search?.abort();
    const query = this.box.value.trim();
    const local = this.#local(query);
    this.#show(local, query !== "");
    if (query !== "") this.#timer = setTimeout(() => this.#find(query, local), SEARCH_AFTER_MS);
  }

  /** What needs no server: commands, and chats of the list. */
  #local(query) {
    const words = query.toLowerCase().split(/\s+/u).filter(Boolean);
    const fits = (text) => words.every((word) => text.toLowerCase().includes(word));
    const commands = this.#commands().filter((command) => fits(command.label));
    const chats = listed(this.store.state.conversations).filter((conversation) => fits(conversation.title))
      .slice(0, query === "" ? RECENT : TITLES).map((conversation) => this.#chat(conversation));
    return query === ""
      ? [{ label: "Recent chats", options: chats }, { label: "Commands", options: commands }]
      : [{ label: "Chats", options: chats }, { label: "Commands", options: commands }];
  }

  async #find(query, local) {
    const search = new AbortController();
    this.#search = search;
    let hits;
    try {
      ({ hits } = await this.api.history({ q: query, limit: PLACES }, search.signal));
    } catch (error) {
      if (search.signal.aborted) return;
      this.#show([...local, { label: `The search failed. ${error.message}`, options: [] }]);
      return;
    }
    if (search.signal.aborted) return;
    const chats = local.find((group) => group.label === "Chats").options;
    const known = new Set(chats.map((option) => option.conversationID));
    const titles = hits.filter((hit) => hit.messageID === null && !known.has(hit.conversationID))
      .map((hit) => this.#chat({ id: hit.conversationID, title: hit.conversationTitle, updatedAt: hit.createdAt }));
    const places = hits.filter((hit) => hit.messageID !== null).map((hit) => this.#place(hit));
    this.#show([
      { label: "Chats", options: [...chats, ...titles] }, { label: "Messages", options: places },
      local.find((group) => group.label === "Commands"),
    ]);
  }

  #chat(conversation) {
    return {
      label: conversation.title, icon: "chat", time: conversation.updatedAt, conversationID: conversation.id,
      run: () => this.actions.go(conversation.id),
    };
  }

  #place(hit) {
    return {
      label: hit.conversationTitle, icon: "search", time: hit.createdAt, snippet: hit.snippet,
      run: () => this.actions.go(hit.conversationID, { messageID: hit.messageID }),
    };
  }

  #commands() {
    const { commands } = this;
    const list = [
      { label: "New chat", icon: "compose", id: "newChat" },
      {
        label: "New temporary chat", icon: "temporary", run: async () => {
          await this.actions.go(null);
          this.actions.setTemporary(true);
        },
      },
      { label: "Documents", icon: "document", run: commands.documents },
      { label: "Memory", icon: "memory", run: commands.memory },
      { label: "Settings", icon: "settings", id: "settings" },
      { label: "Change theme", icon: "theme", run: () => this.#changeTheme() },
      { label: "Keyboard shortcuts", icon: "keyboard", id: "help" },
    ];
    if (currentConversation(this.store.state)) {
      list.push(
        { label: "Rename this chat", icon: "pencil", id: "rename" },
        { label: "Delete this chat", icon: "trash", id: "deleteChat" },
      );
    }
    return list.map((command) => ({
      ...command, keys: command.id ? keysOf(command.id) : "", run: command.run ?? (() => commands[command.id]()),
    }));
  }

  async #changeTheme() {
    const { chooseTheme } = await import("./settings.js");
    chooseTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark", this.storage);
  }

  #show(groups, isSearching = false) {
    const filled = groups.filter((group) => group.options.length > 0 || group.label.startsWith("The search failed"));
    this.#options = filled.flatMap((group) => group.options);
    let index = 0;
    const nodes = filled.map((group) => h("div", { role: "group", "aria-label": group.label },
      h("div", { class: "palette-group", text: group.label, "aria-hidden": "true" }),
      ...group.options.map((option) => this.#item(option, index++))));
    if (this.#options.length === 0) {
      nodes.push(h("p", { class: "palette-empty", text: isSearching ? "Searching…" : "Nothing found." }));
    }
    this.list.replaceChildren(...nodes);
    this.#choose(0);
  }

  #item(option, index) {
    const words = h("div", {}, h("p", { text: option.label }));
    if (option.snippet) {
      words.append(h("p", { class: "snippet" }, ...snippetParts(option.snippet).map((part) => (
        part.isMatch ? h("mark", { text: part.text }) : part.text))));
    }
    return h("div", {
      class: "palette-item", role: "option", id: `palette-${index}`, "aria-selected": "false",
      onclick: () => this.#run(index),
      onpointermove: () => this.#choose(index),
    },
    icon(option.icon), words,
    option.time ? h("time", { text: shortTime(new Date(option.time)) }) : null,
    option.keys ? h("kbd", { text: keycaps(option.keys, isMac).join(isMac ? "" : "+") }) : null);
  }

  #choose(index) {
    this.list.querySelector('[aria-selected="true"]')?.setAttribute("aria-selected", "false");
    this.#chosen = index;
    const item = this.list.querySelector(`#palette-${index}`);
    item?.setAttribute("aria-selected", "true");
    if (item) this.box.setAttribute("aria-activedescendant", item.id);
    else this.box.removeAttribute("aria-activedescendant");
  }

  #pressed(event) {
    if (event.isComposing || event.keyCode === 229) return;
    const count = this.#options.length;
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps && count > 0) {
      event.preventDefault();
      this.#choose((this.#chosen + steps[event.key] + count) % count);
      this.list.querySelector(`#palette-${this.#chosen}`).scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter" && count > 0) {
      event.preventDefault();
      this.#run(this.#chosen);
    }
  }

  #run(index) {
    const option = this.#options[index];
    this.close();
    option?.run();
  }
}
