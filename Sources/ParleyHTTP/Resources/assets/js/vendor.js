// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// The browser libraries that set-up fetched. Each may be missing: then the page shows text plainer.

import { loadScriptAt, loadStyleAt } from "./dom.js";

const wanted = new Map();

function address(file) {
  return `/vendor/${file}?v=${encodeURIComponent(document.documentElement.dataset.vendor ?? "")}`;
}

function once(name, load) {
  if (!wanted.has(name)) wanted.set(name, load().catch(() => null));
  return wanted.get(name);
}

/** marked and DOMPurify, which are used together or not at all; null when they are missing. */
export function loadMarkdown() {
  return once("markdown", async () => {
    await Promise.all([loadScriptAt(address("marked.js")), loadScriptAt(address("purify.js"))]);
    const { marked, DOMPurify } = globalThis;
    return marked && doesPurify(DOMPurify) ? { marked, DOMPurify } : null;
  });
}

/** Whether a sanitiser does its work: one that does not is worse than none. */
function doesPurify(purify) {
  try {
    const clean = purify.sanitize('<b title="x">a</b><u>c</u>', { ALLOWED_TAGS: ["b"], ALLOWED_ATTR: [] });
    return purify.isSupported && clean === "<b>a</b>c";
  } catch {
    return false;
  }
}

/** Prism, or null. */
export function loadPrism() {
  return once("prism", async () => {
    globalThis.Prism = { manual: true, disableWorkerMessageHandler: true };
    await loadScriptAt(address("prism.js"));
    return globalThis.Prism.languages ? globalThis.Prism : null;
  });
}

/** KaTeX, or null. */
export function loadKatex() {
  return once("katex", async () => {
    await Promise.all([loadScriptAt(address("katex.js")), loadStyleAt(address("katex.css"))]);
    return globalThis.katex ?? null;
  });
}
