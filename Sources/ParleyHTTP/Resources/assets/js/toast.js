// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// Short notices at the foot of the page. They wait while somebody points at them or has the focus in them.

import { announce, byID, h, icon } from "./dom.js";

const SHOWN_MS = 5000;
/** A notice with something to do stays longer. */
const SHOWN_WITH_ACTION_MS = 10_000;
const AT_ONCE = 3;

export function showToast(text, { action, run } = {}) {
  const stack = byID("toasts");
  const toast = h("div", { class: "toast" }, h("span", { text }));
  let timer;
  const close = () => {
    clearTimeout(timer);
    toast.remove();
  };
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(close, action ? SHOWN_WITH_ACTION_MS : SHOWN_MS);
  };
  if (action) {
    toast.append(h("button", {
      type: "button", text: action, onclick: () => {
        close();
        run();
      },
    }));
  } else {
    toast.append(h("button", { type: "button", "aria-label": "Dismiss", onclick: close }, icon("close", "icon icon-small")));
  }
  toast.addEventListener("pointerenter", () => clearTimeout(timer));
  toast.addEventListener("pointerleave", wait);
  toast.addEventListener("focusin", () => clearTimeout(timer));
  toast.addEventListener("focusout", wait);
  stack.append(toast);
  while (stack.children.length > AT_ONCE) stack.firstElementChild.remove();
  wait();
  announce(text);
}
