// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { BlockSplitter, definitions, splitBlocks } from "../../Sources/ParleyHTTP/Resources/assets/js/markdown-blocks.js";

const sources = (text) => splitBlocks(text).map((block) => block.source);

test("paragraphs and headings are blocks of their own", () => {
  assert.deepEqual(sources("# A\nb\nc\n\n\nd"), ["# A", "b\nc", "d"]);
});

test("a list stays whole over blank lines, inner paragraphs and inner code", () => {
  const list = "1. a\n\n   more\n\n2. b\n   ```js\n\n   x\n   ```\n   - c";
  assert.deepEqual(sources(`${list}\n\nafter`), [list, "after"]);
});

test("a list may end a paragraph, a number that is not one may not", () => {
  assert.deepEqual(sources("Here:\n- a\n\n- b"), ["Here:", "- a\n\n- b"]);
  assert.deepEqual(sources("In\n1999. x"), ["In\n1999. x"]);
});

test("a fence keeps blank lines and marks of Markdown inside", () => {
  const [block, after] = splitBlocks("```Swift title\nlet a\n\n# b\n- c\n```\nafter");
  assert.equal(block.kind, "code");
  assert.equal(block.language, "swift");
  assert.equal(block.code, "let a\n\n# b\n- c");
  assert.equal(block.isClosed, true);
  assert.equal(after.source, "after");
});

test("a longer fence may hold a shorter one", () => {
  const [block] = splitBlocks("````md\n```\nx\n```\n````");
  assert.equal(block.code, "```\nx\n```");
});

test("a fence without an end is open, and its end to come is not code", () => {
  const [block] = splitBlocks("```\na\n``");
  assert.equal(block.isClosed, false);
  assert.equal(block.code, "a");
});

test("display mathematics is a block, also over lines; with words behind it, it is text", () => {
  assert.deepEqual(splitBlocks("$$\na\n\nb\n$$\nc").map((block) => block.kind), ["math", "text"]);
  assert.deepEqual(splitBlocks("$$a$$ is it").map((block) => block.kind), ["text"]);
  assert.equal(splitBlocks("\\[\na").at(0).isClosed, false);
});

test("an unclosed $$ does not swallow a long text", () => {
  const text = `$$ is money\n${"line\n\n".repeat(100)}`;
  assert.equal(splitBlocks(text)[0].kind, "text");
});

test("line ends may be CRLF", () => {
  assert.deepEqual(splitBlocks("a\r\n\r\n```\r\nb\r\n```\r\n").map((block) => block.kind), ["text", "code"]);
});

test("definitions of links are found outside code", () => {
  assert.equal(definitions(splitBlocks("[a][1]\n\n[1]: https://x.y\n\n```\n[2]: https://n.o\n```")), "[1]: https://x.y");
});

const LONG = [
  "Intro with *marks*.", "", "## Head", "- a", "- b", "", "  still b", "", "```py", "x = 1", "", "y = 2", "```", "",
  "| a | b |", "|---|---|", "| 1 | 2 |", "", "$$", "e = mc^2", "$$", "", "> quote", "", "1. one", "2. two", "", "End.",
].join("\n");

test("a growing text has, at each length, the blocks that it has when split at once", () => {
  const splitter = new BlockSplitter();
  for (let length = 1; length <= LONG.length; length += 1) {
    const text = LONG.slice(0, length);
    assert.deepEqual(splitter.update(text), splitBlocks(text), `at ${length}`);
  }
});

test("blocks before the last stay the same objects while text is added", () => {
  const splitter = new BlockSplitter();
  const before = splitter.update(LONG);
  const after = splitter.update(`${LONG} More.`);
  before.slice(0, -1).forEach((block, index) => assert.equal(after[index], block));
});

test("a text that is replaced in its middle is split anew from there", () => {
  const splitter = new BlockSplitter();
  for (let cut = 0; cut <= LONG.length; cut += 3) {
    splitter.update(LONG);
    const text = `${LONG.slice(0, cut)}**other**\n\nend`;
    assert.deepEqual(splitter.update(text), splitBlocks(text), `cut at ${cut}`);
  }
});

test("no input makes it throw or lose text", () => {
  const pieces = ["```", "~~~", "\n", "\n\n", "- ", "1. ", "$$", "\\[", "\\]", "# ", "> ", "|", " ", "a", "\t", "\r\n", "    x"];
  let seed = 7;
  const next = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  for (let round = 0; round < 3000; round += 1) {
    let text = "";
    for (let count = 0; count < 14; count += 1) text += pieces[Math.floor(next() * pieces.length)];
    const blocks = splitBlocks(text);
    const kept = blocks.map((block) => block.source).join("").replace(/\s/gu, "");
    assert.equal(kept, text.replace(/\s/gu, ""), JSON.stringify(text));
  }
});
