// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// The sheet for a chat's standing instructions (its system prompt) and the presets that are kept of them.

import { openSheet } from "./dialogs.js";
import { h, iconButton } from "./dom.js";
import { uuidv7 } from "./format.js";
import { currentConversation } from "./state.js";

/** Bytes of a system prompt, at most. */
const PROMPT_BYTES = 32 * 1024;

export async function openInstructions({ store, actions }) {
  const { api } = actions;
  const current = (currentConversation(store.state) ?? store.state.newChat).systemPrompt ?? "";
  let presets = [];

  const text = h("textarea", {
    class: "field", id: "prompt", value: current, autofocus: true,
    placeholder: "For example: Answer in short sentences. You are a careful reviewer of Swift code.",
    oninput: () => showProblem(""),
  });
  const problem = h("small", { class: "wrong", role: "alert" });
  const choice = h("select", { class: "field", "aria-label": "Preset", onchange: () => take() });
  const remove = iconButton("trash", "Delete this preset", () => forget());
  const name = h("input", { class: "field", "aria-label": "Name of the preset", placeholder: "Name", maxlength: "100" });
  const keep = h("form", {
    class: "preset-row", hidden: true, onsubmit: (event) => {
      event.preventDefault();
      savePreset();
    },
  }, name, h("button", { type: "submit", class: "button", text: "Save preset" }));
  const row = h("div", { class: "preset-row" }, choice, remove);

  const content = [
    h("p", { text: "They lead every request of this chat to the model." }),
    h("div", { class: "form" },
      row,
      h("div", { class: "labelled" }, h("label", { class: "visually-hidden", for: "prompt", text: "Instructions" }), text, problem),
      keep),
  ];
  const { close } = await openSheet({
    title: "Instructions for this chat", content,
    foot: [
      h("button", {
        type: "button", class: "button button-quiet", text: "Save as preset…", onclick: () => {
          keep.hidden = false;
          name.focus();
        },
      }),
      h("button", { type: "button", class: "button button-primary", text: "Use", onclick: () => use() }),
    ],
  });
  await loadPresets();

  async function loadPresets(chosen = "") {
    try {
      ({ presets } = await api.presets());
    } catch {
      presets = [];
    }
    const options = presets.map((preset) => h("option", { value: preset.id, text: preset.name }));
    choice.replaceChildren(h("option", { value: "", text: presets.length > 0 ? "Choose a preset…" : "No presets yet" }), ...options);
    choice.value = chosen;
    choice.disabled = presets.length === 0;
    remove.hidden = choice.value === "";
  }

  function take() {
    const preset = presets.find((candidate) => candidate.id === choice.value);
    remove.hidden = !preset;
    if (preset) text.value = preset.systemPrompt;
  }

  async function savePreset() {
    const title = name.value.trim();
    if (title === "") return name.focus();
    if (text.value.trim() === "") return showProblem("Write the instructions first.");
    const same = presets.find((preset) => preset.name === title);
    const id = same?.id ?? uuidv7();
    try {
      await api.putPreset(id, { name: title, systemPrompt: text.value.trim() });
    } catch (error) {
      return showProblem(error.message);
    }
    keep.hidden = true;
    name.value = "";
    await loadPresets(id);
    return actions.notify(`Preset “${title}” saved`);
  }

  async function forget() {
    const preset = presets.find((candidate) => candidate.id === choice.value);
    if (!preset) return;
    try {
      await api.deletePreset(preset.id);
    } catch (error) {
      showProblem(error.message);
      return;
    }
    await loadPresets();
    await actions.notify(`Preset “${preset.name}” deleted`, {
      action: "Undo", run: () => api.putPreset(preset.id, { name: preset.name, systemPrompt: preset.systemPrompt }),
    });
  }

  async function use() {
    const prompt = text.value.trim();
    if (new TextEncoder().encode(prompt).length > PROMPT_BYTES) return showProblem("Instructions may have up to 32 KiB.");
    if (prompt !== current && !await actions.instruct(prompt === "" ? null : prompt)) return undefined;
    return close();
  }

  function showProblem(words) {
    problem.textContent = words;
  }
}
