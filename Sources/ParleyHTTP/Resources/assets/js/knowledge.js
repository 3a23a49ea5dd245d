// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// Documents beside the message box: the menu of the plus button, files that are dropped or pasted, and the choice where
// answers look. Loaded when one of these is first used.

import { askForText } from "./dialogs.js";
import { byID, h, loadStyle } from "./dom.js";
import { lookIn, looksInOne, saveLookIn, stillThere } from "./drafts.js";
import { openMenu } from "./menu.js";
import { UploadTray } from "./upload-tray.js";

let made = null;

/** The one knowledge part of the page. */
export function knowledge(view) {
  made ??= new Knowledge(view);
  return made;
}

class Knowledge {
  #curtain = null;

  constructor({ api, actions, storage, composer }) {
    Object.assign(this, { api, actions, storage, composer });
    this.tray = new UploadTray({ api, collection: () => looksInOne(lookIn(storage)) });
  }

  /** The menu of the plus button. */
  async openMenu(button) {
    let collections = [];
    try {
      collections = await this.collections();
    } catch (error) {
      this.actions.report(error, "The collections could not be read.");
    }
    const chosen = lookIn(this.storage);
    const choose = (value) => () => {
      saveLookIn(this.storage, value);
      this.composer.render();
    };
    await openMenu(button, [
      { label: "Upload files", icon: "upload", hint: "Text, PDF, Word, web pages, code", run: () => this.tray.choose() },
      { label: "Add a web page", icon: "link", run: () => this.addPage() },
      "-",
      { label: "Answer from all documents", isChecked: chosen === null, run: choose(null) },
      ...collections.map((collection) => ({
        label: collection.name, isChecked: chosen?.[0]?.id === collection.id,
        run: choose([{ id: collection.id, name: collection.name }]),
      })),
      { label: "Without documents", isChecked: chosen?.length === 0, run: choose([]) },
      "-",
      { label: "Manage documents", icon: "document", run: () => this.openDocuments() },
    ], { label: "Documents" });
  }

  /** Reads the collections. What answers look in and is not there any more is given up. */
  async collections() {
    const { collections } = await this.api.collections();
    saveLookIn(this.storage, stillThere(lookIn(this.storage), collections));
    this.composer.render();
    return collections;
  }

  async addPage(collection = looksInOne(lookIn(this.storage))) {
    const url = await askForText({
      title: "Add a web page", label: "Address", value: "https://", limit: 2000, action: "Add",
    });
    if (!url || url === "https://") return;
    try {
      const { document } = await this.api.addPage(url, collection);
      await this.tray.follow(document);
    } catch (error) {
      await this.actions.report(error, "The page was not added.");
    }
  }

  async openDocuments() {
    const { openDocuments } = await import("./documents.js");
    await openDocuments({ api: this.api, actions: this.actions, knowledge: this });
  }

  /** Says over the whole page that files may be dropped. */
  async dragged() {
    await loadStyle("knowledge");
    // It may have been dropped while this part or its style was loading.
    if (this.#curtain || !this.composer.isDragging) return;
    this.#curtain = h("div", { class: "curtain", "aria-hidden": "true" }, h("p", { text: "Drop files to ask about them" }));
    byID("app").append(this.#curtain);
  }

  dragEnded() {
    this.#curtain?.remove();
    this.#curtain = null;
  }

  drop(files) {
    this.dragEnded();
    this.tray.add(files);
  }
}
