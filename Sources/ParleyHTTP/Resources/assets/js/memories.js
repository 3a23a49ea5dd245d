// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// The sheet of what Parley remembers about the person: each fact can be seen, changed, deleted, and all of it turned
// off.

import { openSheet } from "./dialogs.js";
import { h, iconButton } from "./dom.js";
import { shortTime } from "./format.js";

/** Bytes of one fact, at most. */
const FACT_BYTES = 1000;

const SWITCHES = [
  ["usesMemories", "Use them", "Answers take into account what stands below."],
  ["learnsMemories", "Learn from chats", "Lasting facts that you tell are added by themselves."],
  ["recallsMessages", "Recall older chats", "Messages of your other chats that bear on a question are found."],
];

export async function openMemories({ api, actions }) {
  const switches = h("div", { class: "rows" });
  const list = h("div", { class: "rows", role: "list" });
  const empty = h("p", { class: "hint", text: "Nothing yet. Say “remember that …” in a chat, or add something here.", hidden: true });
  const box = h("input", { class: "field", "aria-label": "Something to remember", placeholder: "I work in the Berlin office" });
  const problem = h("small", { class: "wrong", role: "alert" });
  const add = h("form", {
    class: "form", onsubmit: (event) => {
      event.preventDefault();
      addFact();
    },
  }, h("div", { class: "preset-row" }, box, h("button", { type: "submit", class: "button", text: "Add" })), problem);
  const clear = h("button", { type: "button", class: "button button-danger", text: "Forget everything", onclick: forgetAll });
  let memories = [];
  await openSheet({
    title: "Memory",
    content: [
      h("p", { text: "What Parley knows about you over all chats. Nobody else sees it; temporary chats leave nothing here." }),
      switches, h("h3", { class: "section-title", text: "Facts" }), add, list, empty,
    ],
    foot: [clear],
  });
  await Promise.all([loadSettings(), load()]);

  async function load() {
    try {
      ({ memories } = await api.memories());
    } catch (error) {
      await actions.report(error, "The memories could not be read.");
    }
    show();
  }

  function show() {
    list.replaceChildren(...memories.map(row));
    empty.hidden = memories.length > 0;
    clear.hidden = memories.length === 0;
  }

  async function loadSettings() {
    let settings;
    try {
      settings = await api.memorySettings();
    } catch (error) {
      return actions.report(error, "The settings could not be read.");
    }
    return switches.replaceChildren(...SWITCHES.map(([name, title, hint]) => {
      const input = h("input", {
        type: "checkbox", role: "switch", class: "switch", id: `memory-${name}`, checked: settings[name],
        onchange: () => change(name, input),
      });
      return h("div", { class: "row" },
        h("label", { for: `memory-${name}` }, h("p", { text: title }), h("small", { text: hint })), input);
    }));
  }

  async function change(name, input) {
    try {
      await api.patchMemorySettings({ [name]: input.checked });
    } catch (error) {
      input.checked = !input.checked;
      await actions.report(error, "The change was not saved.");
    }
  }

  function row(memory) {
    const where = memory.origin === "learned" ? "Learned from a chat" : "Added by you";
    const words = h("p", { text: memory.text });
    const element = h("div", { class: "row", role: "listitem" },
      h("div", {}, words, h("small", { text: `${where} · ${shortTime(new Date(memory.updatedAt))}` })),
      h("div", { class: "row-actions" },
        iconButton("pencil", `Change “${memory.text}”`, () => edit(memory, words)),
        iconButton("trash", `Forget “${memory.text}”`, () => forget(memory))));
    return element;
  }

  function edit(memory, words) {
    const field = h("input", { class: "field", value: memory.text, "aria-label": "Fact" });
    const end = () => field.replaceWith(words);
    let isOver = false;
    const save = async () => {
      if (isOver) return;
      isOver = true;
      const text = field.value.trim();
      end();
      if (text === "" || text === memory.text) return;
      if (!fits(text)) return;
      try {
        await api.patchMemory(memory.id, { text });
      } catch (error) {
        await actions.report(error, "The change was not saved.");
      }
      await load();
    };
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") save();
      if (event.key === "Escape") {
        event.stopPropagation();
        event.preventDefault();
        isOver = true;
        end();
      }
    });
    field.addEventListener("blur", save);
    words.replaceWith(field);
    field.focus();
  }

  function fits(text) {
    const isShort = new TextEncoder().encode(text).length <= FACT_BYTES;
    problem.textContent = isShort ? "" : "A fact may have up to 1,000 bytes.";
    return isShort;
  }

  async function addFact() {
    const text = box.value.trim();
    if (text === "" || !fits(text)) return;
    try {
      await api.addMemory({ text });
      box.value = "";
      await load();
    } catch (error) {
      problem.textContent = error.message;
    }
  }

  async function forget(memory) {
    try {
      await api.deleteMemory(memory.id);
    } catch (error) {
      await actions.report(error, "It was not forgotten.");
      return;
    }
    await load();
    await actions.notify("Forgotten", { action: "Undo", run: () => api.addMemory({ text: memory.text }).then(load) });
  }

  async function forgetAll() {
    const kept = memories.map((memory) => memory.text);
    try {
      await api.deleteMemories();
    } catch (error) {
      await actions.report(error, "Nothing was forgotten.");
      return;
    }
    await load();
    await actions.notify("All forgotten", {
      action: "Undo", run: async () => {
        for (const text of kept) await api.addMemory({ text });
        await load();
      },
    });
  }
}
