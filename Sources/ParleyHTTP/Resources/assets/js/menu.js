// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// A menu that opens at a button: arrow keys, type-ahead by the first letter, Escape and a click elsewhere close it.

import { h, icon, loadStyle } from "./dom.js";

/** Entries above which a menu can be filtered by typing. */
const FILTERED = 10;

/**
 * Opens a menu.
 * @param anchor the button it belongs to
 * @param entries `{label, icon, hint, isChecked, isDanger, run, href, download}`, or `"-"` for a line
 */
export async function openMenu(anchor, entries, { label = anchor.getAttribute("aria-label") ?? "Menu" } = {}) {
  await loadStyle("overlays");
  const menu = h("div", { class: "menu", role: "menu", popover: "auto", "aria-label": label });
  const items = entries.map((entry) => (entry === "-" ? h("hr", { role: "separator" }) : item(entry, () => close())));
  const filter = items.length > FILTERED ? filterBox(items) : null;
  menu.append(...(filter ? [filter] : []), ...items);
  document.body.append(menu);
  anchor.setAttribute("aria-expanded", "true");

  const close = () => menu.hidePopover();
  menu.addEventListener("toggle", (event) => {
    if (event.newState !== "closed") return;
    anchor.setAttribute("aria-expanded", "false");
    const hadFocus = menu.contains(document.activeElement) || document.activeElement === document.body;
    menu.remove();
    if (hadFocus && anchor.isConnected) anchor.focus();
  });
  menu.addEventListener("keydown", (event) => moveFocus(event, menu));
  menu.showPopover();
  place(menu, anchor);
  const visible = items.filter((element) => element.role !== "separator");
  (filter ?? visible.find((element) => element.getAttribute("aria-checked") === "true") ?? visible[0])?.focus();
  return menu;
}

function item(entry, close) {
  const isChoice = entry.isChecked !== undefined;
  return h(entry.href ? "a" : "button", {
    type: entry.href ? null : "button",
    href: entry.href, download: entry.download,
    role: isChoice ? "menuitemradio" : "menuitem",
    "aria-checked": isChoice ? String(entry.isChecked) : null,
    class: entry.isDanger ? "danger" : null,
    tabindex: "-1",
    onclick: () => {
      close();
      entry.run?.();
    },
  },
  entry.icon ? icon(entry.icon) : null,
  h("span", { class: "label" }, entry.label, entry.hint ? h("small", { text: entry.hint }) : null),
  entry.isChecked ? icon("check") : null);
}

function filterBox(items) {
  return h("input", {
    class: "field menu-filter", type: "search", placeholder: "Filter", "aria-label": "Filter",
    oninput: (event) => {
      const words = event.target.value.toLowerCase();
      for (const element of items) element.hidden = !element.textContent.toLowerCase().includes(words);
    },
  });
}

function moveFocus(event, menu) {
  const items = [...menu.querySelectorAll("[role^=menuitem]:not([hidden])")];
  if (items.length === 0) return;
  const place = items.indexOf(document.activeElement);
  const isTyping = document.activeElement.matches("input");
  let next = null;
  if (event.key === "ArrowDown") next = items[(place + 1) % items.length];
  else if (event.key === "ArrowUp") next = items[(place - 1 + items.length) % items.length];
  else if (event.key === "Home" && !isTyping) next = items[0];
  else if (event.key === "End" && !isTyping) next = items.at(-1);
  else if (event.key === "Enter" && isTyping) items[0].click();
  else if (event.key === "Tab") menu.hidePopover();
  else if (event.key.length === 1 && !isTyping && !event.ctrlKey && !event.metaKey) next = byLetter(items, place, event.key);
  if (!next) return;
  event.preventDefault();
  next.focus();
}

function byLetter(items, place, key) {
  const letter = key.toLowerCase();
  const rest = [...items.slice(place + 1), ...items.slice(0, place + 1)];
  return rest.find((element) => element.textContent.trim().toLowerCase().startsWith(letter)) ?? null;
}

/** Puts what was opened beside its anchor, inside the window: below it where there is room, otherwise above. */
export function place(element, anchor) {
  const margin = 8;
  const from = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = element;
  const isAtEnd = from.left + width > innerWidth - margin;
  const left = isAtEnd ? from.right - width : from.left;
  const below = from.bottom + 4;
  const isBelow = below + height <= innerHeight - margin || from.top < height;
  const top = isBelow ? Math.min(below, innerHeight - height - margin) : from.top - height - 4;
  element.style.left = `${Math.max(margin, Math.min(left, innerWidth - width - margin))}px`;
  element.style.top = `${Math.max(margin, top)}px`;
}
