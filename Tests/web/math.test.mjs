// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { extractMath, restoreMath, splitFormulas, withoutPlaceholders } from "../../Sources/ParleyHTTP/Resources/assets/js/math.js";

const formulas = (text) => extractMath(text).formulas.map(({ tex, isDisplay }) => (isDisplay ? `[${tex}]` : tex));

const cases = [
  ["inline dollars", "so $x^2$ is", ["x^2"]],
  ["inline brackets", "so \\(x\\) is", ["x"]],
  ["display dollars over lines", "$$\na\nb\n$$", ["[a\nb]"]],
  ["display brackets", "\\[a\\]", ["[a]"]],
  ["in a table's cell, with bars", "| $|x|$ |", ["|x|"]],
  ["beside brackets and stops", "($a$), $b$.", ["a", "b"]],
  ["prices are not formulas", "costs $5 and $10", []],
  ["prices with letters are not formulas", "US$5 to CA$6", []],
  ["prices in thousands are not formulas", "$100k, $200k", []],
  ["a range of prices is not a formula", "$5-$10 or $5/$10", []],
  ["a price and a formula", "$5 for $x$", ["x"]],
  ["an escaped dollar is a dollar", "\\$5 and $a$", ["a"]],
  ["a dollar inside a formula may be escaped", "$a\\$b$", ["a\\$b"]],
  ["code is left alone", "`$x$` and ``$y$`` and $z$", ["z"]],
  ["fences are left alone", "```\n$x$\n```\n$z$", ["z"]],
  ["an unclosed fence is left alone", "```\n$x$", []],
  ["paragraphs end an inline formula", "$a\n\nb$", []],
  ["an unclosed formula is text", "$$ a", []],
  ["an empty formula is text", "$$$$ and \\(\\)", []],
];

for (const [name, text, expected] of cases) {
  test(name, () => assert.deepEqual(formulas(text), expected));
}

test("what was taken out can be put back", () => {
  const text = "a $x$ `$y$` $$z$$ \\(w\\)";
  const { text: taken, formulas: found } = extractMath(text);
  assert.equal(restoreMath(taken, found), text);
  assert.deepEqual(splitFormulas(taken, found).filter((part) => typeof part !== "string"), found);
});

test("private characters of an answer cannot name a formula", () => {
  assert.equal(withoutPlaceholders("\uE0100\uE011$a$"), "0$a$");
});
