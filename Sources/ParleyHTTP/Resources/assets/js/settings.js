// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// The sheet of settings: looks, writing, data, account.

import { openSheet } from "./dialogs.js";
import { h } from "./dom.js";
import { plural } from "./format.js";

/** Bytes of an imported file, at most. */
const IMPORT_BYTES = 64 * 1024 * 1024;

export async function openSettings({ store, api, actions, storage, commands }) {
  const { session } = store.state;
  const file = h("input", {
    type: "file", accept: ".json,application/json", class: "visually-hidden", tabindex: "-1", "aria-hidden": "true",
    onchange: () => file.files[0] && importFile(file.files[0], { api, actions }),
  });
  const rows = [
    h("h3", { class: "section-title", text: "Looks and writing" }),
    h("div", { class: "rows" },
      row("Theme", null, segments("theme", storage.getItem("parley.theme") ?? "auto",
        [["auto", "Automatic"], ["light", "Light"], ["dark", "Dark"]], (theme) => chooseTheme(theme, storage))),
      row("Send with", null, segments("send", storage.getItem("parley.sendWith") ?? "enter",
        [["enter", "Enter"], ["mod", "Ctrl/⌘ + Enter"]], (value) => storage.setItem("parley.sendWith", value))),
      row("Keyboard shortcuts", null, button("Show", () => leave(commands.help)))),
    h("h3", { class: "section-title", text: "What Parley knows" }),
    h("div", { class: "rows" },
      row("Documents", "What answers can quote.", button("Show", () => leave(commands.documents))),
      row("Memory", "What is remembered about you.", button("Show", () => leave(commands.memory)))),
    h("h3", { class: "section-title", text: "Your chats" }),
    h("div", { class: "rows" },
      row("Archived chats", "Taken out of the list, not deleted.", button("Show", () => leave(showArchive))),
      row("Import", "An export of Parley, or conversations.json from ChatGPT.",
        button("Choose a file", () => file.click()), file)),
    h("h3", { class: "section-title", text: "About" }),
    h("div", { class: "rows" },
      session.mode === "accounts"
        ? row(session.user.name, session.user.email, button("Devices", () => leave(showSessions)),
          button("Sign out", () => actions.signOut()))
        : null,
      row("Parley", `Version ${document.documentElement.dataset.version}`)),
  ];
  const { close } = await openSheet({ title: "Settings", content: rows });

  /** Another sheet takes the place of this one. */
  async function leave(open) {
    close();
    await open();
  }

  async function showSessions() {
    const { openSessions } = await import("./sessions.js");
    await openSessions({ api, actions });
  }

  async function showArchive() {
    const { openArchive } = await import("./archive.js");
    await openArchive({ api, actions });
  }
}

function row(title, hint, ...controls) {
  return h("div", { class: "row" },
    h("div", {}, h("p", { text: title }), hint ? h("small", { text: hint }) : null), ...controls);
}

function button(text, onclick) {
  return h("button", { type: "button", class: "button", text, onclick });
}

function segments(name, value, choices, choose) {
  return h("div", { class: "segments", role: "radiogroup", "aria-label": name === "theme" ? "Theme" : "Send with" },
    ...choices.map(([choice, label]) => h("label", {}, h("input", {
      type: "radio", name, value: choice, checked: choice === value, onchange: () => choose(choice),
    }), h("span", { text: label }))));
}

export function chooseTheme(theme, storage) {
  storage.setItem("parley.theme", theme);
  dispatchEvent(new CustomEvent("parley:theme", { detail: theme }));
}

async function importFile(file, { api, actions }) {
  if (file.size > IMPORT_BYTES) return actions.notify("This file is larger than 64 MiB.");
  await actions.notify(`Importing ${file.name}…`);
  try {
    const { imported } = await api.import(file);
    await actions.loadList();
    return actions.notify(`Imported ${plural(imported, "chat")}`);
  } catch (error) {
    return actions.report(error, "Nothing was imported.");
  }
}
