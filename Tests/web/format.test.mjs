// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  dayGroup, groupConversations, plainText, plural, provisionalTitle, snippetParts, uuidv7,
} from "../../Sources/ParleyHTTP/Resources/assets/js/format.js";
import { isSafeLink, splitCitations } from "../../Sources/ParleyHTTP/Resources/assets/js/citations.js";

test("an id is a UUIDv7 with its time in front", () => {
  const id = uuidv7(0x0123456789ab, new Uint8Array(16).fill(0xff));
  assert.equal(id, "01234567-89ab-7fff-bfff-ffffffffffff");
  assert.ok(uuidv7(1) < uuidv7(2));
});

test("chats are grouped by the reader's days", () => {
  const now = new Date(2026, 2, 1, 0, 30);
  const at = (...parts) => dayGroup(new Date(...parts), now, "en");
  assert.equal(at(2026, 2, 1, 0, 10), "Today");
  assert.equal(at(2026, 2, 2), "Today", "a clock that is ahead is not an error");
  assert.equal(at(2026, 1, 28, 23, 59), "Yesterday");
  assert.equal(at(2026, 1, 27), "Previous 7 days");
  assert.equal(at(2026, 1, 22), "Previous 7 days");
  assert.equal(at(2026, 1, 21), "Previous 30 days");
  assert.equal(at(2026, 0, 20), "January");
  assert.equal(at(2025, 11, 20), "December 2025");
});

test("pinned chats stand on top, whatever their day", () => {
  const now = new Date(2026, 2, 1, 12);
  const chats = [
    { id: 1, pinned: true, updatedAt: new Date(2020, 1, 1).toISOString() },
    { id: 2, updatedAt: new Date(2026, 2, 1, 11).toISOString() },
    { id: 3, updatedAt: new Date(2026, 2, 1, 10).toISOString() },
    { id: 4, updatedAt: new Date(2026, 1, 28).toISOString() },
  ];
  const groups = groupConversations(chats, now, "en");
  assert.deepEqual(groups.map((group) => [group.label, group.conversations.map((chat) => chat.id)]),
    [["Pinned", [1]], ["Today", [2, 3]], ["Yesterday", [4]]]);
});

test("a snippet's matching words are told apart", () => {
  assert.deepEqual(snippetParts("a \uE000b\uE001 c"), [
    { text: "a ", isMatch: false }, { text: "b", isMatch: true }, { text: " c", isMatch: false },
  ]);
  assert.deepEqual(snippetParts("<b>"), [{ text: "<b>", isMatch: false }]);
});

test("a provisional title is the first words, cut between words and never within a character", () => {
  assert.equal(provisionalTitle("  Hello\n world "), "Hello world");
  assert.equal(provisionalTitle("one two three", 9), "one two…");
  assert.equal(provisionalTitle("😀😀😀", 2), "😀😀…");
});

test("plain words leave marks out", () => {
  assert.equal(plainText("## A\n**b** `c` [d](http://e)\n```js\nf\n```"), "A b c d f");
  assert.equal(plainText("abcdef", 3), "abc…");
});

test("numbers have their word", () => {
  assert.equal(plural(1, "chat"), "1 chat");
  assert.equal(plural(1200, "chat"), "1,200 chats");
});

test("only numbers of sources become citations", () => {
  assert.deepEqual(splitCitations("a [1] b [7].", new Set([1])), ["a", 1, " b [7]."]);
  assert.deepEqual(splitCitations("[1, 2]", new Set([1, 2])), [1, 2]);
  assert.deepEqual(splitCitations("[1, 9]", new Set([1])), ["[1, 9]"]);
});

test("only links to the web and to mail may be followed", () => {
  for (const good of ["https://a.b", "http://a", "mailto:a@b.c", "HTTPS://A"]) assert.ok(isSafeLink(good), good);
  const bad = [
    "javascript:alert(1)", " javascript:alert(1)", "JaVaScRiPt:x", "data:text/html,x", "vbscript:x", "file:///etc", "/api",
    "//evil", "#a", "", "blob:https://a/b", "java\nscript:x",
  ];
  for (const address of bad) assert.ok(!isSafeLink(address), address);
});
