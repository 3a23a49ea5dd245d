// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// Starts the page: makes its parts and joins them.

import { Actions } from "./actions.js";
import { Api } from "./api.js";
import { Composer } from "./composer.js";
import { byID, isMac } from "./dom.js";
import { Drafts, keysOf, openStorage } from "./drafts.js";
import { Header } from "./header.js";
import { match } from "./shortcuts.js";
import { Sidebar } from "./sidebar.js";
import { Store, currentConversation } from "./state.js";

const storage = openStorage();
const store = new Store();
const drafts = new Drafts(storage);
const api = new Api();
const actions = new Actions({
  store, api, storage, drafts,
  openChat: async (self) => (await import("./chat.js")).openChat({ store, api, actions: self, drafts, storage }),
});
api.onSignedOut = (problem) => actions.signedOut(problem);

// First, so that what the views do already finds the page shown.
store.subscribe((state, previous) => {
  if (state.session !== previous.session) showSession(state.session);
});

const sidebar = new Sidebar({ store, actions, storage });
const header = new Header({ store, actions, sidebar });
const composer = new Composer({ store, actions, drafts, storage });
actions.onDraft = () => composer.takeDraft();
const view = { store, api, actions, drafts, storage, sidebar, header, composer };

/** The gate stands before the chat until somebody is signed in. */
async function showSession(session) {
  byID("app").dataset.session = session.status;
  if (session.status === "signedOut" || session.status === "failed") {
    const { openGate } = await import("./gate.js");
    openGate(view, session);
  } else {
    document.querySelector(".gate")?.remove();
    byID("app").inert = false;
  }
}

let palette = null;

/** Once it is loaded the palette opens at once. */
function loadPalette() {
  palette ??= import("./palette.js").then(async (module) => {
    await module.preparePalette();
    return module;
  });
  return palette;
}

/** Opens the palette; what is typed while it is still being loaded goes into it and nowhere else. */
async function search() {
  let words = "";
  let isChosen = false;
  const take = (event) => {
    if (event.key.length === 1 && !event.ctrlKey && !event.metaKey) words += event.key;
    if (event.key === "Enter") isChosen = true;
    event.preventDefault();
    event.stopPropagation();
  };
  addEventListener("keydown", take, true);
  try {
    const { openPalette } = await loadPalette();
    openPalette(view, words, isChosen);
  } finally {
    removeEventListener("keydown", take, true);
  }
}

const commands = {
  search,
  newChat: () => {
    actions.go(null);
    composer.focus();
  },
  sidebar: () => sidebar.toggle(),
  composer: () => composer.focus(),
  previousMessage: async () => (await actions.chat()).view.step(-1),
  nextMessage: async () => (await actions.chat()).view.step(1),
  stop: async () => store.state.route.conversationID && (await actions.chat()).view.stop(),
  copyAnswer: async () => (await actions.chat()).view.copyLastAnswer(),
  copyCode: async () => (await actions.chat()).view.copyLastCode(),
  regenerate: async () => (await actions.chat()).view.regenerateLast(),
  rename: () => withCurrent((conversation) => sidebar.rename(conversation.id)),
  deleteChat: () => withCurrent((conversation) => actions.delete(conversation.id)),
  documents: () => composer.openDocuments(),
  memory: async () => (await import("./memories.js")).openMemories(view),
  settings: async () => (await import("./settings.js")).openSettings(view),
  help: async () => (await import("./help.js")).openHelp(),
};
view.commands = commands;

function withCurrent(action) {
  const conversation = currentConversation(store.state);
  if (conversation) action(conversation);
}

addEventListener("keydown", (event) => {
  // The modifier is pressed a moment before the letter: time enough to load what the letter may ask for.
  if (event.key === (isMac ? "Meta" : "Control")) loadPalette();
  if (event.defaultPrevented || store.state.session.status !== "signedIn") return;
  const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]") !== null;
  const shortcut = match(event, { isTyping, isMac });
  if (!shortcut) return;
  const isCovered = document.querySelector("dialog[open], :popover-open") !== null;
  if (isCovered && shortcut.id !== "search") return;
  if (shortcut.id !== "stop") event.preventDefault();
  commands[shortcut.id]();
});
addEventListener("popstate", () => actions.followAddress());
byID("open-search").addEventListener("click", () => commands.search());
byID("open-documents").addEventListener("click", () => commands.documents());
byID("open-settings").addEventListener("click", () => commands.settings());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible" && store.state.session.status === "signedIn") actions.loadList();
});

await actions.start();
// A message that an earlier visit could not send goes out now.
if (keysOf(storage, "parley.outbox.").length > 0) await actions.chat();
