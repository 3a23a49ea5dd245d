// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { completeMarkdown } from "../../Sources/ParleyHTTP/Resources/assets/js/markdown-partial.js";

const cases = [
  ["open emphasis is closed", "a **bo", "a **bo**"],
  ["emphasis within emphasis is closed inside out", "**b *c", "**b *c***"],
  ["a mark without words yet is held back", "a **", "a "],
  ["struck words are closed", "~~de", "~~de~~"],
  ["code is closed", "`co", "`co`"],
  ["code hides marks of emphasis", "`a*b` c", "`a*b` c"],
  ["a lone backtick is held back", "text `", "text "],
  ["half a link shows its words", "see [the do](http://x", "see the do"],
  ["the beginning of a link shows its words", "see [the do", "see the do"],
  ["half an image is held back", "x ![im](htt", "x "],
  ["a citation to come is held back", "fact [1", "fact "],
  ["a list mark is held back, so that the line before does not become a heading", "Here:\n-", "Here:"],
  ["a heading's mark is held back", "a\n\n##", "a\n"],
  ["a table is held back until its second line is there", "a\n\n| x | y |\n|--", "a\n"],
  ["a table that has begun is shown", "| x |\n|---|\n| 1", "| x |\n|---|\n| 1"],
  ["multiplication is not emphasis", "2 * 3", "2 * 3"],
  ["names with underscores are not emphasis", "snake_case_na", "snake_case_na"],
  ["emphasis does not reach over list items", "- a **b\n- c", "- a **b\n- c"],
  ["escaped marks are words", "\\*a", "\\*a"],
  ["whole text stays as it is", "A *b* **c** `d` [e](http://f) ~~g~~.", "A *b* **c** `d` [e](http://f) ~~g~~."],
];

for (const [name, source, expected] of cases) {
  test(name, () => assert.equal(completeMarkdown(source), expected));
}

test("any beginning of any text is completed without an error", () => {
  const text = "# A\n\n**b *c* d** `e` [f](http://g) ![h](i)\n- [x] j\n- k __l__\n\n| m | n |\n|---|--:|\n| o | p |\n\n~~q~~ [1, 2] ``r`s``";
  for (let length = 0; length <= text.length; length += 1) {
    const done = completeMarkdown(text.slice(0, length));
    assert.ok(done.length <= length + 8, text.slice(0, length));
  }
});
