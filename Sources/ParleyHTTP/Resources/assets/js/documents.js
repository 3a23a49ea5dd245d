// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// The sheet of documents: collections, what is in them and how far it is read, who may look into them.

import { askForText, openSheet } from "./dialogs.js";
import { h, icon, iconButton, loadStyle, reconcile } from "./dom.js";
import { byteCount, plural, shortTime } from "./format.js";
import { openMenu } from "./menu.js";

const PAGE = 50;
/** How often the list is read again while something in it is not ready. */
const LOOK_MS = 1500;

export async function openDocuments({ api, actions, knowledge }) {
  await loadStyle("knowledge");
  await new DocumentsSheet({ api, actions, knowledge }).open();
}

class DocumentsSheet {
  #rows = new Map();
  #collections = [];
  #documents = [];
  #next = null;
  #timer = null;
  #isOpen = true;

  constructor({ api, actions, knowledge }) {
    Object.assign(this, { api, actions, knowledge });
    this.choice = h("select", { class: "field", "aria-label": "Collection", onchange: () => this.#load() });
    this.tools = iconButton("more", "More about this collection", (event) => this.#openTools(event.currentTarget), {
      "aria-haspopup": "menu", "aria-expanded": "false",
    });
    this.note = h("p", { class: "hint", hidden: true });
    this.list = h("div", { class: "rows documents", role: "list" });
    this.empty = h("p", { class: "hint", hidden: true });
    this.more = h("button", {
      type: "button", class: "button", text: "More", hidden: true, onclick: () => this.#loadMore(),
    });
  }

  async open() {
    const content = [
      h("div", { class: "document-bar" }, this.choice, this.tools,
        h("button", { type: "button", class: "button", text: "New collection", onclick: () => this.#create() })),
      this.note, this.list, this.empty, this.more,
    ];
    const foot = [
      h("button", { type: "button", class: "button", text: "Add a web page", onclick: () => this.#addPage() }),
      h("button", { type: "button", class: "button button-primary", text: "Upload files", onclick: () => this.#upload() }),
    ];
    const { close } = await openSheet({
      title: "Documents", content, foot, className: "wide", onClose: () => this.#closed(),
    });
    this.close = close;
    this.unsubscribe = this.knowledge.tray.uploads.subscribe(() => this.#soon());
    await Promise.all([this.#loadCollections().then(() => this.#load()), this.#showSearchState()]);
  }

  #closed() {
    this.#isOpen = false;
    clearTimeout(this.#timer);
    this.unsubscribe?.();
  }

  get #collection() {
    return this.#collections.find((collection) => collection.id === this.choice.value) ?? null;
  }

  // Reading

  async #loadCollections(chosen = this.choice.value) {
    try {
      this.#collections = await this.knowledge.collections();
    } catch (error) {
      await this.actions.report(error, "The collections could not be read.");
    }
    this.choice.replaceChildren(h("option", { value: "", text: "All documents" }), ...this.#collections.map((each) => (
      h("option", { value: each.id, text: `${each.name} (${each.documentCount})` }))));
    this.choice.value = this.#collections.some((each) => each.id === chosen) ? chosen : "";
  }

  async #load() {
    clearTimeout(this.#timer);
    this.tools.hidden = !this.#collection?.mayWrite;
    try {
      const limit = Math.max(PAGE, Math.min(200, this.#documents.length));
      const page = await this.api.documents({ collection: this.choice.value || undefined, limit });
      this.#documents = page.documents;
      this.#next = page.next;
    } catch (error) {
      this.#say(`The documents could not be read. ${error.message}`);
      return;
    }
    this.knowledge.tray.uploads.learn(this.#documents);
    // That was no news to this list.
    clearTimeout(this.#timer);
    this.#show();
  }

  async #loadMore() {
    try {
      const query = { collection: this.choice.value || undefined, limit: PAGE, before: this.#next };
      const page = await this.api.documents(query);
      this.#documents = [...this.#documents, ...page.documents];
      this.#next = page.next;
    } catch (error) {
      await this.actions.report(error, "More documents could not be read.");
    }
    this.#show();
  }

  #soon() {
    clearTimeout(this.#timer);
    if (this.#isOpen) this.#timer = setTimeout(() => this.#load(), LOOK_MS);
  }

  /** Says so when only words are compared, not meanings. */
  async #showSearchState() {
    try {
      const { components } = await this.api.readiness();
      const { status, detail } = components?.knowledge ?? {};
      this.note.hidden = !status || status === "ready";
      this.note.textContent = detail ?? "";
    } catch {
      this.note.hidden = true;
    }
  }

  // Showing

  #show() {
    const rows = this.#documents.map((document) => this.#row(document));
    reconcile(this.list, rows);
    this.more.hidden = this.#next === null;
    if (this.#documents.length === 0) {
      this.#say("Nothing here yet. Upload files, or drop them anywhere on the page, and ask about them.");
    } else {
      this.empty.hidden = true;
    }
    if (this.#documents.some((document) => ["pending", "indexing"].includes(document.state))) this.#soon();
  }

  #say(text) {
    this.empty.textContent = text;
    this.empty.hidden = false;
  }

  #row(document) {
    const key = `${document.id}|${document.state}|${document.progress}|${document.updatedAt}|${document.passageCount}`;
    const old = this.#rows.get(document.id);
    if (old?.key === key) return old.element;
    const mayWrite = this.#collections.find((each) => each.id === document.collectionID)?.mayWrite ?? false;
    const isRead = ["ready", "failed"].includes(document.state);
    const element = h("div", { class: "row", role: "listitem", "data-state": document.state },
      h("div", {},
        h("p", { text: document.title || document.name }),
        h("small", { text: this.#describe(document) }),
        isRead ? null : h("progress", { max: "1", value: document.progress, "aria-label": `Reading ${document.name}` }),
        document.state === "failed" ? h("small", { class: "wrong", text: document.failure }) : null),
      h("div", { class: "row-actions" },
        document.state === "failed" && mayWrite
          ? iconButton("again", `Read “${document.name}” again`, () => this.#retry(document)) : null,
        h("a", {
          class: "icon-button", href: `/api/documents/${document.id}/content`, download: document.name.split("/").at(-1),
          "aria-label": `Download “${document.name}”`, title: "Download",
        }, icon("download")),
        mayWrite ? iconButton("trash", `Delete “${document.name}”`, () => this.#delete(document, element)) : null));
    this.#rows.set(document.id, { key, element });
    return element;
  }

  #describe(document) {
    const parts = [byteCount(document.byteCount)];
    if (document.name !== document.title) parts.unshift(document.name);
    if (document.passageCount > 0) parts.push(plural(document.passageCount, "passage"));
    if (document.state === "pending") parts.push("waiting to be read");
    if (document.state === "indexing") parts.push(`reading, ${Math.round(document.progress * 100)} %`);
    parts.push(shortTime(new Date(document.updatedAt)));
    return parts.join(" · ");
  }

  // Doing

  #upload() {
    const { tray } = this.knowledge;
    const collection = this.#collection?.id;
    const input = h("input", {
      type: "file", multiple: true, onchange: () => tray.uploads.add(input.files, collection),
    });
    input.click();
  }

  async #addPage() {
    await this.knowledge.addPage(this.#collection?.id);
    await this.#load();
  }

  async #create() {
    const name = await askForText({ title: "New collection", label: "Name", limit: 100, action: "Create" });
    if (!name) return;
    try {
      const { collection } = await this.api.createCollection({ name });
      await this.#loadCollections(collection.id);
      await this.#load();
    } catch (error) {
      await this.actions.report(error, "The collection was not made.");
    }
  }

  async #openTools(button) {
    const collection = this.#collection;
    if (!collection) return;
    const isShared = collection.readers === "everyone";
    const hasAccounts = this.actions.state.session.mode === "accounts";
    await openMenu(button, [
      { label: "Rename", icon: "pencil", run: () => this.#rename(collection) },
      ...(hasAccounts ? [
        { label: "Only I look into it", isChecked: collection.readers === "owner",
          run: () => this.#patch(collection, { readers: "owner" }) },
        { label: "Everybody here looks into it", isChecked: isShared,
          run: () => this.#patch(collection, { readers: "everyone" }) },
      ] : []),
      "-",
      { label: "Delete with all its documents", icon: "trash", isDanger: true, run: () => this.#remove(collection) },
    ], { label: "Collection" });
  }

  async #rename(collection) {
    const name = await askForText({ title: "Rename collection", label: "Name", value: collection.name, limit: 100 });
    if (name && name !== collection.name) await this.#patch(collection, { name });
  }

  async #patch(collection, change) {
    try {
      await this.api.patchCollection(collection.id, change);
      await this.#loadCollections(collection.id);
    } catch (error) {
      await this.actions.report(error, "The collection was not changed.");
    }
  }

  async #remove(collection) {
    const words = collection.documentCount > 0 ? ` and ${plural(collection.documentCount, "document")}` : "";
    if (!await confirm(`Delete “${collection.name}”${words}?`)) return;
    try {
      await this.api.deleteCollection(collection.id);
      await this.#loadCollections("");
      await this.#load();
    } catch (error) {
      await this.actions.report(error, "The collection was not deleted.");
    }
  }

  async #delete(document, element) {
    if (!await confirm(`Delete “${document.title || document.name}”?`)) return;
    element.remove();
    try {
      await this.api.deleteDocument(document.id);
    } catch (error) {
      await this.actions.report(error, "The document was not deleted.");
    }
    this.#rows.delete(document.id);
    await this.#loadCollections();
    await this.#load();
  }

  async #retry(document) {
    try {
      await this.api.retryDocument(document.id);
    } catch (error) {
      await this.actions.report(error, "The document is not read again.");
    }
    await this.#load();
  }
}

/** Asks before something is gone for good; true when it shall be. */
function confirm(question) {
  return new Promise((resolve) => {
    let isSure = false;
    const opened = openSheet({
      title: question, content: [h("p", { text: "Answers that were given stay; no new one will use it." })],
      foot: [
        h("button", {
          type: "button", class: "button", text: "Keep it", autofocus: true,
          onclick: () => opened.then(({ close }) => close()),
        }),
        h("button", {
          type: "button", class: "button button-danger", text: "Delete", onclick: () => {
            isSure = true;
            opened.then(({ close }) => close());
          },
        }),
      ],
      onClose: () => resolve(isSure),
    });
  });
}
