// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// Shows a formula: by KaTeX where it is there, otherwise as it was written. KaTeX builds elements and sets their
// styles by script, which the page's policy allows; nothing it makes comes from HTML.

import { h } from "./dom.js";
import { loadKatex } from "./vendor.js";

/** Rendered formulas that are kept, so that a paragraph in the making need not render its own again. */
const KEPT = 300;
const kept = new Map();
let katex = null;

const OPTIONS = {
  throwOnError: true, trust: false, strict: "ignore", maxSize: 50, maxExpand: 500, output: "htmlAndMathml",
};

export function formulaElement(formula) {
  const element = h("span", { class: formula.isDisplay ? "math-display" : "math-inline" });
  if (katex) {
    fill(element, formula);
  } else {
    showSource(element, formula);
    loadKatex().then((loaded) => {
      katex = loaded;
      if (katex) fill(element, formula);
    });
  }
  return element;
}

function fill(element, formula) {
  const key = `${formula.isDisplay ? "d" : "i"}${formula.tex}`;
  let rendered = kept.get(key);
  if (!rendered) {
    rendered = document.createElement("span");
    try {
      katex.render(formula.tex, rendered, { ...OPTIONS, displayMode: formula.isDisplay });
    } catch {
      rendered = h("code", { class: "math-source", text: formula.source });
    }
    if (kept.size >= KEPT) kept.delete(kept.keys().next().value);
    kept.set(key, rendered);
  }
  element.replaceChildren(rendered.cloneNode(true));
}

function showSource(element, formula) {
  element.replaceChildren(h("code", { class: "math-source", text: formula.source }));
}
