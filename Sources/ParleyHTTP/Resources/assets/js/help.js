// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// The sheet of all keyboard shortcuts.

import { openSheet } from "./dialogs.js";
import { h, isMac } from "./dom.js";
import { SHORTCUTS, keycaps } from "./shortcuts.js";

export async function openHelp() {
  const groups = grouped();
  const content = [...groups].map(([group, shortcuts]) => h("section", {},
    h("h3", { class: "section-title", text: group }),
    h("dl", { class: "keys" }, ...shortcuts.flatMap((shortcut) => [
      h("dt", { text: shortcut.label }),
      h("dd", {}, ...keycaps(shortcut.keys, isMac).map((key) => h("kbd", { text: key }))),
    ]))));
  await openSheet({ title: "Keyboard shortcuts", content, className: "help" });
}

function grouped() {
  const groups = new Map();
  for (const shortcut of SHORTCUTS) groups.set(shortcut.group, [...(groups.get(shortcut.group) ?? []), shortcut]);
  return groups;
}
