// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { splitCitations, usedSources } from "../../Sources/ParleyHTTP/Resources/assets/js/citations.js";
import { byteCount } from "../../Sources/ParleyHTTP/Resources/assets/js/format.js";
import {
  collectionIDs, describeLookIn as describe, lookIn, looksInOne, saveLookIn, stillThere,
} from "../../Sources/ParleyHTTP/Resources/assets/js/drafts.js";
import { extractMath, restoreMath, splitFormulas } from "../../Sources/ParleyHTTP/Resources/assets/js/math.js";
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

test("what another part has read is not asked for again", async () => {
  let looks = 0;
  const api = {
    document: async (id) => {
      looks += 1;
      return { document: { id, state: "indexing", progress: 0.5 } };
    },
  };
  const uploads = new Uploads({ api, firstLookMs: 10 });
  uploads.follow({ id: "d", name: "page", byteCount: 1, state: "pending", progress: 0 });
  uploads.learn([{ id: "d", state: "indexing", progress: 0.2 }, { id: "other", state: "ready" }]);
  assert.equal(uploads.items[0].progress, 0.2);
  await until(uploads, () => looks === 1);
  uploads.learn([{ id: "d", state: "ready" }]);
  assert.equal(uploads.items[0].phase, "ready");
  await new Promise((resolve) => { setTimeout(resolve, 60); });
  assert.equal(looks, 1);
});

test("a page that is there already is not followed for ever", () => {
  const uploads = new Uploads({ api: { document: () => assert.fail("asked") } });
  const known = { name: "page", byteCount: 1, state: "ready", progress: 1 };
  uploads.follow({ ...known, id: "d", addition: "unchanged" });
  uploads.follow({ ...known, id: "e", addition: "added" });
  assert.deepEqual(uploads.items.map(({ phase }) => phase), ["unchanged", "ready"]);
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

test("a choice that is gone is given up, and one that was renamed has its name", () => {
  const there = [{ id: "c", name: "New", documentCount: 1 }, { id: "e", name: "E" }];
  assert.deepEqual(stillThere([{ id: "c", name: "Old" }], there), [{ id: "c", name: "New" }]);
  assert.equal(stillThere([{ id: "d", name: "Gone" }], there), null);
  assert.deepEqual(stillThere([], there), []);
  assert.equal(stillThere(null, there), null);
});

test("only the sources that an answer refers to are shown", () => {
  const sources = [1, 2, 3, 4].map((n) => ({ n }));
  const used = (text) => usedSources(text, sources).map(({ n }) => n);
  assert.deepEqual(used("So it is [3], also [1, 3]."), [1, 3]);
  assert.deepEqual(used("No reference; [9] is none of ours."), []);
  assert.deepEqual(used("`a[1]` and\n```\nb[2]\n```\nbut [4]"), [4]);
  assert.deepEqual(used("```\nb[2]"), []);
});

// The cases of Tests/ParleyChatTests/CitationsTests.swift.
const CITED = [
  ["Yes [1].", [1]], ["[2][1] and [2]", [1, 2]], ["[1, 2]", [1, 2]], ["[1;3]", [1, 3]], ["[ 1 , 2 ]", [1, 2]],
  ["[2-4]", [2, 3, 4]], ["[2–4, 7]", [2, 3, 4, 7]], ["[10]", [10]], ["é👩‍🚀[3]", [3]], ["[[1]]", [1]],
  ["Yes![1]", [1]], ["[x [1]", [1]], ["`a` [1] `b`", [1]], ["``a ` [2]`` [3]", [3]], ["a ` b [1]", [1]],
  ["~~~~\n[1]\n~~~\n[2]", []], ["```\n[1]\n```\n[2]", [2]], ["text\n   ```swift\nx[1]\n   ```\n[2]", [2]],
  ["[1] see: [2]: x", [1, 2]], ["a ` b\n\nc ` [1]", [1]], ["\\\\[1]", [1]], ["**Leave**[1]: 14 weeks", [1]],
];
const NOT_CITED = [
  "", "[]", "[a]", "[0]", "[-1]", "[1-]", "[,]", "[1,]", "[1000]", "[4-2]", "[1-900]", "[1.5]",
  "[1](https://example.org)", "\\[1]", "![1](x)", "`[1]`", "```\n[1]", "[1]: https://example.org", "[1", "1]",
  "x\n[2]: y", `[${"1,".repeat(100)}1]`, "[١]", "[^1]",
];

test("the page finds the citations that the server finds", () => {
  const sources = Array.from({ length: 999 }, (_, index) => ({ n: index + 1 }));
  const used = (text) => usedSources(text, sources).map(({ n }) => n);
  for (const [text, numbers] of CITED) assert.deepEqual(used(text), numbers, text);
  for (const text of NOT_CITED) assert.deepEqual(used(text), [], text);
});

test("the text of an answer is split by the same rule", () => {
  const split = (text, beginsLine) => splitCitations(text, new Set([1, 2, 3]), beginsLine);
  assert.deepEqual(split("So [1;3] and [1–3]."), ["So", 1, 3, " and", 1, 2, 3, "."]);
  for (const text of ["[3-1]", "[1](x", "[0]", "[1,]", "[1]: x", "a\n[1]: x"]) assert.deepEqual(split(text), [text]);
  assert.deepEqual(split("[1]: 14 weeks", false), [1, ": 14 weeks"]);
  const { text, formulas } = extractMath("\\[1] and [2]");
  assert.deepEqual(splitFormulas(text, formulas).map((part) => part.text ?? part), ["[", "1] and [2]"]);
  assert.equal(restoreMath(text, formulas), "\\[1] and [2]");
});

test("a long text is read once, whatever it holds", () => {
  const start = performance.now();
  for (const piece of ["[", "`", "[1,", "```\n", "\\", "![", "[1]`", "a``b`"]) usedSources(piece.repeat(20_000), []);
  assert.ok(performance.now() - start < 5000);
});

test("bytes are read as people read them", () => {
  assert.deepEqual([0, 999, 1000, 12_345, 3_400_000, 999_999, 2e9].map((bytes) => byteCount(bytes)),
    ["0 B", "999 B", "1 KB", "12 KB", "3.4 MB", "1 MB", "2 GB"]);
});
