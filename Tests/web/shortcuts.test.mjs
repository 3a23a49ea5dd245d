// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { SHORTCUTS, keycaps, match } from "../../Sources/ParleyHTTP/Resources/assets/js/shortcuts.js";

const press = (key, more = {}) => ({
  key, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, isComposing: false, keyCode: 0, ...more,
});

test("each shortcut is found by its keys", () => {
  assert.equal(match(press("k", { ctrlKey: true })).id, "search");
  assert.equal(match(press("K", { ctrlKey: true, shiftKey: true })), null);
  assert.equal(match(press("O", { ctrlKey: true, shiftKey: true })).id, "newChat");
  assert.equal(match(press("?", { shiftKey: true })).id, "help");
  assert.equal(match(press(":", { ctrlKey: true, shiftKey: true })).id, "copyCode");
  assert.equal(match(press("ArrowUp", { altKey: true })).id, "previousMessage");
  assert.equal(match(press("Escape")).id, "stop");
});

test("on a Mac the command key takes control's place", () => {
  assert.equal(match(press("k", { metaKey: true }), { isMac: true }).id, "search");
  assert.equal(match(press("k", { ctrlKey: true }), { isMac: true }), null);
});

test("while somebody types, plain characters are text", () => {
  assert.equal(match(press("?", { shiftKey: true }), { isTyping: true }), null);
  assert.equal(match(press("/"), { isTyping: true }), null);
  assert.equal(match(press("k", { ctrlKey: true }), { isTyping: true }).id, "search");
});

test("an input method's keys are its own", () => {
  assert.equal(match(press("Escape", { isComposing: true })), null);
  assert.equal(match(press("Escape", { keyCode: 229 })), null);
});

test("no two shortcuts have the same keys or name", () => {
  for (const member of ["id", "keys"]) {
    assert.equal(new Set(SHORTCUTS.map((shortcut) => shortcut[member])).size, SHORTCUTS.length, member);
  }
});

test("keys are written as on the keyboard", () => {
  assert.deepEqual(keycaps("mod+shift+k"), ["Ctrl", "Shift", "K"]);
  assert.deepEqual(keycaps("mod+k", true), ["⌘", "K"]);
});
