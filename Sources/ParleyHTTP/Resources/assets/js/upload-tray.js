// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// The row of files above the message box: what is on its way, what can be asked about, what failed and why. Also the
// doors by which files come in: the button, dropping them on the page, pasting them.

import { announce, byID, h, icon, iconButton, loadStyle } from "./dom.js";
import { byteCount } from "./format.js";
import { Uploads, isOver, share } from "./uploads.js";

/** Files that are ready leave the row after this time. */
const SHOWN_MS = 6000;

export class UploadTray {
  #rows = new Map();

  constructor({ api, collection }) {
    this.uploads = new Uploads({ api });
    this.collection = collection;
    this.element = h("ul", { class: "uploads", "aria-label": "Files" });
    this.input = h("input", {
      type: "file", multiple: true, class: "visually-hidden", tabindex: "-1", "aria-hidden": "true", id: "files",
      onchange: () => {
        // A copy: the list empties with the value.
        this.add([...this.input.files]);
        this.input.value = "";
      },
    });
    byID("composer").before(this.element, this.input);
    this.uploads.subscribe((items) => this.#render(items));
  }

  choose() {
    this.input.click();
  }

  async add(files) {
    await loadStyle("knowledge");
    this.uploads.add(files, this.collection());
  }

  async follow(document) {
    await loadStyle("knowledge");
    this.uploads.follow(document);
  }

  #render(items) {
    const wanted = new Set(items.map((item) => item.id));
    for (const [id, row] of this.#rows) {
      if (wanted.has(id)) continue;
      row.element.remove();
      this.#rows.delete(id);
    }
    for (const item of items) {
      const row = this.#rows.get(item.id) ?? this.#row(item);
      row.update(item);
    }
  }

  #row(item) {
    const words = h("small");
    const bar = h("progress", { max: "1", "aria-label": `Progress of ${item.name}` });
    const element = h("li", { class: "upload" }, icon("document"),
      h("div", {}, h("p", { text: item.name, title: item.name }), words, bar),
      iconButton("close", `Take ${item.name} off this row`, () => this.uploads.dismiss(item.id)));
    let phase = null;
    const update = (now) => {
      element.dataset.phase = now.phase;
      words.textContent = describe(now);
      bar.value = share(now);
      bar.hidden = isOver(now);
      if (phase === now.phase) return;
      phase = now.phase;
      if (!isOver(now)) return;
      announce(`${now.name}: ${describe(now)}`);
      if (now.phase !== "failed") setTimeout(() => this.uploads.dismiss(now.id), SHOWN_MS);
    };
    this.element.append(element);
    this.#rows.set(item.id, { element, update });
    return { element, update };
  }
}

export function describe(item) {
  switch (item.phase) {
    case "waiting": return "Waiting";
    case "sending": return `Sending · ${byteCount(item.size * item.sent)} of ${byteCount(item.size)}`;
    case "reading": return item.progress > 0 ? `Reading · ${Math.round(item.progress * 100)} %` : "Reading";
    case "ready": return "Ready: ask about it";
    case "unchanged": return "Already there, unchanged";
    default: return item.problem;
  }
}
