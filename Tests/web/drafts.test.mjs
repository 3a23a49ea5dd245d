// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { Drafts, MemoryStorage } from "../../Sources/ParleyHTTP/Resources/assets/js/drafts.js";
import { Outbox, afterFailure } from "../../Sources/ParleyHTTP/Resources/assets/js/outbox.js";

test("each conversation has its draft, and an empty one is none", () => {
  const storage = new MemoryStorage();
  const drafts = new Drafts(storage);
  drafts.set("a", "hello");
  drafts.set("new", "there");
  assert.equal(new Drafts(storage).get("a"), "hello");
  assert.equal(drafts.get("new"), "there");
  drafts.set("a", "  ");
  assert.equal(drafts.get("a"), "");
  assert.equal(storage.length, 1);
});

test("in one browser each user has drafts and messages of their own", () => {
  const storage = new MemoryStorage();
  const drafts = new Drafts(storage);
  drafts.owner = "ada";
  drafts.set("new", "Ada's");
  new Outbox(storage, () => "ada").put({ id: "1", conversationID: "c", content: "Ada's" });
  drafts.owner = "bob";
  assert.equal(drafts.get("new"), "");
  drafts.clear();
  const bobs = new Outbox(storage, () => "bob");
  assert.deepEqual(bobs.entries(), []);
  bobs.clear();
  drafts.owner = "ada";
  assert.equal(drafts.get("new"), "Ada's");
  assert.equal(new Outbox(storage, () => "ada").entries().length, 1);
});

test("the oldest drafts make room", () => {
  let time = 0;
  const drafts = new Drafts(new MemoryStorage(), { limit: 2, now: () => (time += 1) });
  for (const name of ["a", "b", "c"]) drafts.set(name, name);
  assert.equal(drafts.get("a"), "");
  assert.equal(drafts.get("c"), "c");
});

test("a full or spoilt storage is no error", () => {
  const storage = new MemoryStorage();
  storage.setItem("parley.draft.-.a", "{not json");
  assert.equal(new Drafts(storage).get("a"), "");
  storage.setItem = () => {
    throw new Error("full");
  };
  new Drafts(storage).set("b", "text");
  new Outbox(storage).put({ id: "1", conversationID: "c", content: "x" });
});

test("the outbox gives back what was put in, oldest first, until it is taken out", () => {
  const storage = new MemoryStorage();
  const outbox = new Outbox(storage);
  outbox.put({ id: "2", conversationID: "c", content: "b" });
  outbox.put({ id: "1", conversationID: "c", content: "a" });
  storage.setItem("parley.outbox.9", "null");
  assert.deepEqual(new Outbox(storage).entries().map((entry) => entry.content), ["a", "b"]);
  outbox.remove("1");
  assert.deepEqual(outbox.entries().map((entry) => entry.id), ["2"]);
});

test("a lost network is tried again for ever, with growing waits", () => {
  const waits = [0, 1, 2, 3, 10, 100].map((attempt) => afterFailure({ kind: "network" }, attempt, () => 1));
  assert.ok(waits.every((plan) => plan.retry));
  assert.deepEqual(waits.map((plan) => plan.waitMs), [500, 1000, 2000, 4000, 15_000, 15_000]);
  assert.equal(afterFailure({ kind: "network" }, 0, () => 0).waitMs, 250);
});

test("a busy server is asked again as it wishes, and not for ever", () => {
  const error = { kind: "http", status: 429, retryAfterSeconds: 30 };
  assert.equal(afterFailure(error, 0, () => 1).waitMs, 30_000);
  assert.equal(afterFailure(error, 6).retry, false);
});

test("a refusal is final", () => {
  for (const status of [400, 401, 404, 413, 422, 500, 507]) {
    assert.equal(afterFailure({ kind: "http", status }, 0).retry, false);
  }
});
