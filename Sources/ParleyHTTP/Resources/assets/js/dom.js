// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// Small means to build and change the page. Text always goes in as text, never as HTML.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Makes an element: `on…` members listen, `class` and `text` are what they say, `true` sets an attribute, and false,
 * null and undefined leave it out.
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "text") element.textContent = value;
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** One of the pictures of icons.svg. */
export function icon(name, className = "icon") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `/assets/icons/icons.svg?v=${document.documentElement.dataset.assets}#${name}`);
  svg.append(use);
  return svg;
}

export function iconButton(name, label, onclick, properties = {}) {
  const { class: className = "", ...rest } = properties;
  return h("button", {
    type: "button", class: `icon-button ${className}`.trim(), "aria-label": label, title: label, onclick, ...rest,
  }, icon(name));
}

export function byID(id) {
  return document.getElementById(id);
}

/** Puts the nodes into the parent in this order, moving and removing as little as possible. */
export function reconcile(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.childNodes]) {
    if (!wanted.has(child)) child.remove();
  }
  let place = parent.firstChild;
  for (const node of nodes) {
    if (node === place) place = place.nextSibling;
    else parent.insertBefore(node, place);
  }
}

const loading = new Map();

function loadOnce(address, make) {
  if (!loading.has(address)) {
    loading.set(address, new Promise((resolve, reject) => {
      const element = make();
      element.onload = () => resolve();
      element.onerror = () => reject(new Error(`cannot load ${address}`));
      document.head.append(element);
    }));
  }
  return loading.get(address);
}

/** Loads a style sheet of ours, once. */
export function loadStyle(name) {
  return loadStyleAt(`/assets/css/${name}.css?v=${document.documentElement.dataset.assets}`);
}

export function loadStyleAt(address) {
  return loadOnce(address, () => h("link", { rel: "stylesheet", href: address }));
}

export function loadScriptAt(address) {
  return loadOnce(address, () => h("script", { src: address }));
}

export const isMac = /mac|iphone|ipad/iu.test(navigator.userAgentData?.platform ?? navigator.platform ?? "");

/** Whether the pointer is a finger: then no text box takes the focus by itself, it would open the keyboard. */
export function isTouch() {
  return matchMedia("(pointer: coarse)").matches;
}

export function isNarrow() {
  return matchMedia("(max-width: 52rem)").matches;
}

export function wantsCalm() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** Tells screen readers, politely. There is one live region on the page, and this is the only way into it. */
export function announce(text) {
  const region = byID("announcements");
  region.replaceChildren();
  setTimeout(() => region.replaceChildren(text), 50);
}

/** Puts a text into the clipboard, also where the page is not served over TLS. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text) {
  const focused = document.activeElement;
  const box = h("textarea", { class: "visually-hidden", readonly: true, value: text });
  document.body.append(box);
  box.select();
  const isDone = document.execCommand("copy");
  box.remove();
  focused?.focus();
  return isDone;
}

/** Lets a text box grow with its text where CSS cannot. */
export function autoGrow(box) {
  if (CSS.supports("field-sizing", "content")) return () => {};
  const grow = () => {
    box.style.blockSize = "auto";
    box.style.blockSize = `${box.scrollHeight}px`;
  };
  box.addEventListener("input", grow);
  return grow;
}

/** Answers a click on a link of ours without loading the page, unless another tab or window is meant. */
export function isPlainClick(event) {
  return event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey
    && !event.defaultPrevented;
}
