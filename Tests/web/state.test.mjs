// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import * as tree from "../../Sources/ParleyHTTP/Resources/assets/js/message-tree.js";
import { Store, answerUnderWay, busyWith, listed } from "../../Sources/ParleyHTTP/Resources/assets/js/state.js";
import { threadReducers } from "../../Sources/ParleyHTTP/Resources/assets/js/thread-state.js";

const message = (id, more = {}) => tree.fromWire({
  id, conversationID: "c", parentID: null, role: "user", content: id, state: "completed", createdAt: "", ...more,
});
const keys = (messages) => messages.map((each) => each.key);

function storeWith(messages, next = null) {
  const store = new Store();
  store.addReducers(threadReducers);
  store.dispatch({ type: "route/changed", conversationID: "c" });
  store.dispatch({ type: "thread/loaded", conversationID: "c", messages, next });
  return store;
}

test("a sent message and its awaited answer keep their keys when the server accepts them", () => {
  const store = storeWith([message("a")]);
  store.dispatch({ type: "thread/extended", conversationID: "c", messages: tree.exchange({ id: "b", conversationID: "c", parentID: "a", content: "hi" }) });
  assert.equal(busyWith(store.state, "c"), "sending");
  const before = keys(store.state.threads.c.messages);
  const turn = { id: "t", conversationID: "c", userMessageID: "b", assistantMessageID: "x", state: "queued" };
  store.dispatch({ type: "thread/accepted", conversationID: "c", awaitedKey: "answer-to-b", turn });
  const { messages } = store.state.threads.c;
  assert.deepEqual(keys(messages), before);
  assert.equal(messages[2].id, "x");
  assert.equal(messages[2].turnID, "t");
  assert.deepEqual(messages[2].siblings, ["x"]);
  assert.equal(messages[1].delivery, undefined);
  assert.equal(busyWith(store.state, "c"), null);
});

test("a page that is read again keeps keys, older pages and what was not sent yet", () => {
  const store = storeWith([message("b"), message("c")], "cursor");
  store.dispatch({ type: "thread/older", conversationID: "c", messages: [message("a")], next: null });
  const unsent = tree.exchange({ id: "u", conversationID: "c", parentID: "c", content: "hi" });
  store.dispatch({ type: "thread/extended", conversationID: "c", messages: unsent });
  store.dispatch({ type: "thread/loaded", conversationID: "c", messages: [message("b"), message("c"), message("d")], next: "cursor" });
  assert.deepEqual(keys(store.state.threads.c.messages), ["a", "b", "c", "d", "u", "answer-to-u"]);
  assert.equal(store.state.threads.c.next, null, "the older page is there, so its cursor is not needed again");
});

test("a message that was accepted while the page was being read stays", () => {
  const store = storeWith([]);
  store.dispatch({ type: "thread/extended", conversationID: "c", messages: tree.exchange({ id: "u", conversationID: "c", parentID: null, content: "hi" }) });
  const turn = { id: "t", conversationID: "c", userMessageID: "u", assistantMessageID: "x", state: "queued" };
  store.dispatch({ type: "thread/accepted", conversationID: "c", awaitedKey: "answer-to-u", turn, at: 20 });
  store.dispatch({ type: "thread/loaded", conversationID: "c", messages: [], next: null, since: 10 });
  assert.deepEqual(store.state.threads.c.messages.map((each) => each.id), ["u", "x"]);
  store.dispatch({ type: "thread/loaded", conversationID: "c", messages: [message("other")], next: null, since: 30 });
  assert.deepEqual(store.state.threads.c.messages.map((each) => each.id), ["other"]);
});

test("another branch takes the place of the one that was shown", () => {
  const store = storeWith([message("a"), message("b"), message("x", { role: "assistant" })]);
  store.dispatch({ type: "thread/loaded", conversationID: "c", messages: [message("a"), message("b2")], next: null });
  assert.deepEqual(keys(store.state.threads.c.messages), ["a", "b2"]);
});

test("an edit cuts the branch before the edited message and counts as its sibling", () => {
  const store = storeWith([message("a"), message("x"), message("b", { siblings: ["b"] })]);
  const edited = store.state.threads.c.messages[2];
  const messages = tree.exchange({ id: "b2", conversationID: "c", parentID: "x", content: "new", siblings: edited.siblings });
  store.dispatch({ type: "thread/extended", conversationID: "c", messages, cutAt: "b" });
  const shown = store.state.threads.c.messages;
  assert.deepEqual(keys(shown), ["a", "x", "b2", "answer-to-b2"]);
  assert.deepEqual(tree.siblingPosition(shown[2]), { position: 2, count: 2 });
  assert.equal(tree.siblingAt(shown[2], -1), "b");
  assert.equal(tree.siblingAt(shown[2], 1), null);
});

test("older messages are not repeated", () => {
  assert.deepEqual(keys(tree.prepend([message("b")], [message("a"), message("b")])), ["a", "b"]);
});

test("an answer is under way from its beginning to its end", () => {
  const store = storeWith([message("a")]);
  store.dispatch({ type: "answer/began", messageID: "x", conversationID: "c", turnID: "t" });
  assert.equal(answerUnderWay(store.state, "c").messageID, "x");
  assert.equal(busyWith(store.state, "c"), "answering");
  assert.equal(answerUnderWay(store.state, "other"), null);
  store.dispatch({ type: "answer/ended", messageID: "x" });
  assert.equal(busyWith(store.state, "c"), null);
});

test("a message of a thread that was let go does not bring it back", () => {
  const store = storeWith([]);
  store.dispatch({ type: "message/patched", conversationID: "gone", id: "m", change: {} });
  assert.equal(store.state.threads.gone, undefined);
});

test("few threads are kept, the one on the page always", () => {
  const store = storeWith([message("a")]);
  for (let count = 0; count < 20; count += 1) {
    store.dispatch({ type: "route/changed", conversationID: `c${count}` });
    store.dispatch({ type: "thread/loading", conversationID: `c${count}` });
  }
  assert.ok(Object.keys(store.state.threads).length <= 9);
  assert.ok(store.state.threads.c19);
});

test("the list has pinned chats first, then the newest, and neither archived nor temporary ones", () => {
  const chats = [
    { id: 1, updatedAt: "2026-01-01" }, { id: 2, updatedAt: "2026-01-03" }, { id: 3, updatedAt: "2025-01-01", pinned: true },
    { id: 4, updatedAt: "2026-01-02", archived: true }, { id: 5, updatedAt: "2026-01-02", temporary: true },
  ];
  const list = listed(Object.fromEntries(chats.map((chat) => [chat.id, { pinned: false, ...chat }])));
  assert.deepEqual(list.map((chat) => chat.id), [3, 2, 1]);
});

test("an action that nobody knows is an error", () => {
  assert.throws(() => new Store().dispatch({ type: "no such" }), /unknown action/u);
});
