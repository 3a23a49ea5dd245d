// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// Sheets that open over the page: a native dialogue, so that the focus stays in it and comes back when it closes.

import { h, iconButton, loadStyle } from "./dom.js";

/**
 * Opens a sheet.
 * @param title its heading, also its name for screen readers
 * @param content elements of its body; `foot` those of its row of buttons
 * @returns `{dialog, close}`
 */
export async function openSheet({ title, content, foot = [], className = "", onClose = () => {} }) {
  await loadStyle("overlays");
  const dialog = h("dialog", { class: `sheet ${className}`.trim(), "aria-label": title });
  const close = () => dialog.close();
  dialog.append(
    h("div", { class: "sheet-head" }, h("h2", { text: title }), iconButton("close", "Close", close)),
    h("div", { class: "sheet-body" }, ...content));
  if (foot.length > 0) dialog.append(h("div", { class: "sheet-foot" }, ...foot));
  return showDialog(dialog, { onClose });
}

/** Shows a dialogue that a click beside it closes. */
export function showDialog(dialog, { onClose = () => {} } = {}) {
  const close = () => dialog.close();
  let isPressedBeside = false;
  dialog.addEventListener("pointerdown", (event) => {
    isPressedBeside = event.target === dialog;
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog && isPressedBeside) close();
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    onClose();
  });
  document.body.append(dialog);
  dialog.showModal();
  return { dialog, close };
}

/** Asks for one line of text; null when it was not given. */
export function askForText({ title, label, value = "", limit = 200, action = "Save" }) {
  return new Promise((resolve) => {
    let answer = null;
    const box = h("input", { class: "field", value, maxlength: limit, autofocus: true });
    const form = h("form", {
      class: "form", id: "ask",
      onsubmit: (event) => {
        event.preventDefault();
        answer = box.value.trim() || null;
        opened.then(({ close }) => close());
      },
    }, h("label", {}, label, box));
    const foot = [h("button", { class: "button button-primary", type: "submit", form: "ask", text: action })];
    const opened = openSheet({ title, content: [form], foot, onClose: () => resolve(answer) });
    opened.then(() => box.select());
  });
}
