// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// The colours of both themes, computed from the style sheet itself (WCAG 2.2, 1.4.3 and 1.4.11).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const css = readFileSync(new URL("../../Sources/ParleyHTTP/Resources/assets/css/app.css", import.meta.url), "utf8");

function properties(selector) {
  const start = css.indexOf(`${selector} {`);
  const body = css.slice(start, css.indexOf("\n}", start));
  return Object.fromEntries([...body.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/gu)].map(([, name, value]) => [name, value]));
}

function luminance(color) {
  const [red, green, blue] = [1, 3, 5].map((index) => {
    const part = Number.parseInt(color.slice(index, index + 2), 16) / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(left, right) {
  const [dark, light] = [luminance(left), luminance(right)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

const SURFACES = ["surface", "surface-side", "surface-raised", "surface-bubble", "surface-hover", "surface-code"];
const TEXT = [
  ...SURFACES.flatMap((surface) => [["text", surface], ["text-muted", surface]]),
  ["accent", "surface"], ["accent", "surface-raised"], ["accent", "accent-soft"], ["on-accent", "accent"],
  ["on-accent", "accent-hover"], ["danger", "surface"], ["danger", "surface-raised"], ["danger", "danger-soft"],
  ["text", "mark"], ["surface", "text"],
  ...["comment", "keyword", "string", "number", "function", "type"].map((kind) => [`code-${kind}`, "surface-code"]),
];
const SHAPES = [["accent", "surface"], ["accent", "surface-side"], ["accent", "surface-raised"]];

const light = properties(":root");
const themes = { light, dark: { ...light, ...properties(':root[data-theme="dark"]') } };

for (const [theme, colors] of Object.entries(themes)) {
  test(`text of the ${theme} theme has a contrast of at least 4.5`, () => {
    for (const [front, back] of TEXT) {
      const value = contrast(colors[front], colors[back]);
      assert.ok(value >= 4.5, `${front} on ${back}: ${value.toFixed(2)}`);
    }
  });

  test(`focus rings and marks of the ${theme} theme have a contrast of at least 3`, () => {
    for (const [front, back] of SHAPES) {
      const value = contrast(colors[front], colors[back]);
      assert.ok(value >= 3, `${front} on ${back}: ${value.toFixed(2)}`);
    }
  });
}

test("the dark theme names every colour that the light one does", () => {
  const dark = properties(':root[data-theme="dark"]');
  assert.deepEqual(Object.keys(light).filter((name) => !(name in dark)), []);
});
