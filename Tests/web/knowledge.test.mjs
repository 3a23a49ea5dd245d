// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { usedSources } from "../../Sources/ParleyHTTP/Resources/assets/js/citations.js";
import { byteCount } from "../../Sources/ParleyHTTP/Resources/assets/js/format.js";
import {
  collectionIDs, describeLookIn as describe, lookIn, looksInOne, saveLookIn,
} from "../../Sources/ParleyHTTP/Resources/assets/js/drafts.js";
import { Uploads, changeFor, due, reduce, share } from "../../Sources/ParleyHTTP/Resources/assets/js/uploads.js";

const item = (id, more = {}) => ({ id, name: id, size: 100, phase: "waiting", sent: 0, progress: 0, ...more });
const file = (name, size = 10) => ({ name, size });

/** Waits until an upload list looks as it should. */
async function until(uploads, isThere) {
  for (let turn = 0; turn < 500; turn += 1) {
    if (isThere(uploads.items)) return;
    await new Promise((resolve) => { setTimeout(resolve, 5); });
  }
  assert.fail(JSON.stringify(uploads.items));
}

test("two files are sent at once, the others wait their turn", () => {
  const items = [item("a", { phase: "sending" }), item("b"), item("c"), item("d", { phase: "failed" })];
  assert.deepEqual(due(items).map(({ id }) => id), ["b"]);
  assert.deepEqual(due([item("a", { phase: "sending" }), item("b", { phase: "sending" }), item("c")]), []);
});

test("a list of uploads changes by pure steps", () => {
  let items = reduce([], { type: "added", files: [item("a"), item("b", { phase: "ready" })] });
  items = reduce(items, { type: "changed", id: "a", change: { phase: "sending", sent: 0.5 } });
  assert.equal(share(items[0]), 0.25);
  assert.deepEqual(reduce(items, { type: "cleared" }).map(({ id }) => id), ["a"]);
  assert.deepEqual(reduce(items, { type: "dismissed", id: "a" }).map(({ id }) => id), ["b"]);
});

test("a document's state becomes the upload's", () => {
  assert.deepEqual(changeFor({ state: "indexing", progress: 0.4 }), { phase: "reading", progress: 0.4 });
  assert.equal(changeFor({ state: "failed", failure: "It is empty." }).problem, "It is empty.");
  assert.equal(share({ phase: "reading", progress: 0.5 }), 0.75);
});

test("a file is followed until it is ready", async () => {
  const states = ["pending", "indexing", "ready"];
  const api = { document: async (id) => ({ document: { id, state: states.shift(), progress: 0.5 } }) };
  const send = async (_, collection, onProgress) => {
    assert.equal(collection, "c");
    onProgress(1);
    return { document: { id: "d", state: "pending", progress: 0 } };
  };
  const uploads = new Uploads({ api, send, firstLookMs: 1 });
  const phases = new Set();
  uploads.subscribe((items) => phases.add(items[0]?.phase));
  uploads.add([file("a.txt")], "c");
  await until(uploads, ([first]) => first.phase === "ready");
  assert.deepEqual([...phases], ["waiting", "sending", "reading", "ready"]);
});

test("what the server refuses is said, and the next file goes on", async () => {
  let count = 0;
  const send = async () => {
    count += 1;
    if (count === 1) throw new Error("The disk is full.");
    return { document: { id: "d", state: "ready", addition: "unchanged" } };
  };
  const uploads = new Uploads({ api: {}, send });
  uploads.add([file("a"), file("b"), file("c")]);
  await until(uploads, (items) => items.every(({ phase }) => ["failed", "unchanged"].includes(phase)));
  assert.deepEqual(uploads.items.map(({ phase }) => phase), ["failed", "unchanged", "unchanged"]);
  assert.equal(uploads.items[0].problem, "The disk is full.");
});

test("a file over the limit is not sent", () => {
  const uploads = new Uploads({ api: {}, send: () => assert.fail("sent") });
  uploads.add([file("a", 513 * 1024 * 1024)]);
  assert.equal(uploads.items[0].phase, "failed");
});

test("where answers look is kept, and nonsense means everywhere", () => {
  const values = new Map();
  const storage = {
    getItem: (key) => values.get(key) ?? null, setItem: (key, value) => values.set(key, value),
    removeItem: (key) => values.delete(key),
  };
  assert.equal(lookIn(storage), null);
  saveLookIn(storage, [{ id: "c", name: "Handbook" }]);
  assert.deepEqual(collectionIDs(lookIn(storage)), ["c"]);
  assert.equal(looksInOne(lookIn(storage)), "c");
  assert.equal(describe(lookIn(storage)), "Handbook");
  saveLookIn(storage, []);
  assert.deepEqual(collectionIDs(lookIn(storage)), []);
  assert.equal(describe([]), "Without documents");
  assert.equal(collectionIDs(null), undefined);
  storage.setItem("parley.lookIn", "{");
  assert.equal(lookIn(storage), null);
  storage.setItem("parley.lookIn", "[1]");
  assert.equal(lookIn(storage), null);
});

test("only the sources that an answer refers to are shown", () => {
  const sources = [1, 2, 3, 4].map((n) => ({ n }));
  const used = (text) => usedSources(text, sources).map(({ n }) => n);
  assert.deepEqual(used("So it is [3], also [1, 3]."), [1, 3]);
  assert.deepEqual(used("No reference; [9] is none of ours."), []);
  assert.deepEqual(used("`a[1]` and\n```\nb[2]\n```\nbut [4]"), [4]);
  assert.deepEqual(used("```\nb[2]"), []);
});

test("bytes are read as people read them", () => {
  assert.deepEqual([0, 999, 1000, 12_345, 3_400_000, 999_999, 2e9].map((bytes) => byteCount(bytes)),
    ["0 B", "999 B", "1 KB", "12 KB", "3.4 MB", "1 MB", "2 GB"]);
});
