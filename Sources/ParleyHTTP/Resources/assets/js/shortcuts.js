// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// The keyboard's shortcuts: one table for the keys, the help sheet and the hints on buttons.

/** `mod` is Cmd on a Mac and Ctrl elsewhere. `typing`: also works while somebody types. */
export const SHORTCUTS = [
  { id: "search", keys: "mod+k", label: "Search chats and commands", group: "Go to", typing: true },
  { id: "newChat", keys: "mod+shift+o", label: "New chat", group: "Go to", typing: true },
  { id: "sidebar", keys: "mod+b", label: "Show or hide the list of chats", group: "Go to", typing: true },
  { id: "composer", keys: "/", label: "Write a message", group: "Go to" },
  { id: "previousMessage", keys: "alt+arrowup", label: "Previous message", group: "Go to", typing: true },
  { id: "nextMessage", keys: "alt+arrowdown", label: "Next message", group: "Go to", typing: true },
  { id: "send", keys: "enter", label: "Send", group: "Writing", note: true },
  { id: "newLine", keys: "shift+enter", label: "New line", group: "Writing", note: true },
  { id: "editLast", keys: "arrowup", label: "Edit your last message, from an empty box", group: "Writing", note: true },
  { id: "stop", keys: "escape", label: "Stop the answer, close a dialogue", group: "Answers", typing: true },
  { id: "copyAnswer", keys: "mod+shift+c", label: "Copy the last answer", group: "Answers", typing: true },
  { id: "copyCode", keys: "mod+shift+;", label: "Copy the last code block", group: "Answers", typing: true },
  { id: "regenerate", keys: "mod+shift+enter", label: "Answer the last question again", group: "Answers", typing: true },
  { id: "rename", keys: "f2", label: "Rename this chat", group: "This chat", typing: true },
  { id: "deleteChat", keys: "mod+shift+backspace", label: "Delete this chat", group: "This chat", typing: true },
  { id: "settings", keys: "mod+,", label: "Settings", group: "Parley", typing: true },
  { id: "help", keys: "?", label: "All shortcuts", group: "Parley" },
];

/** The shortcut that a key press means, or null. `event` is a KeyboardEvent or has its members. */
export function match(event, { isTyping = false, isMac = false } = {}) {
  if (event.isComposing || event.keyCode === 229) return null;
  return SHORTCUTS.find((shortcut) => {
    if (shortcut.note || (isTyping && !shortcut.typing)) return false;
    return matches(shortcut.keys, event, isMac);
  }) ?? null;
}

function matches(keys, event, isMac) {
  const parts = keys.split("+");
  const key = parts.pop();
  const wanted = new Set(parts);
  const mod = isMac ? event.metaKey : event.ctrlKey;
  const other = isMac ? event.ctrlKey : event.metaKey;
  const pressed = event.key.toLowerCase();
  // Shift changes some characters: `?` is typed with it, and Shift+; is `:`.
  const isCharacter = key.length === 1 && !/[a-z]/.test(key);
  const shifted = key === ";" && wanted.has("shift") ? pressed === ":" || pressed === ";" : pressed === key;
  if (!shifted || other) return false;
  if (mod !== wanted.has("mod") || event.altKey !== wanted.has("alt")) return false;
  return isCharacter && !wanted.has("shift") ? true : event.shiftKey === wanted.has("shift");
}

const NAMES = {
  mod: "Ctrl", shift: "Shift", alt: "Alt", enter: "Enter", escape: "Esc", arrowup: "↑", arrowdown: "↓",
  backspace: "⌫",
};
const MAC_NAMES = { ...NAMES, mod: "⌘", shift: "⇧", alt: "⌥", enter: "↩", backspace: "⌫" };

/** The keys as they are printed on keycaps. */
export function keycaps(keys, isMac = false) {
  const names = isMac ? MAC_NAMES : NAMES;
  return keys.split("+").map((key) => names[key] ?? key.toUpperCase());
}

export function keysOf(id) {
  return SHORTCUTS.find((shortcut) => shortcut.id === id)?.keys ?? "";
}
