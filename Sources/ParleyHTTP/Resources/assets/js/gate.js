// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// What stands before the chat: signing in, the first account, or that the server cannot be reached.

import { byID, h, loadStyle } from "./dom.js";

/** @param session the state's session: `signedOut` or `failed` */
export async function openGate({ actions }, session) {
  await loadStyle("overlays");
  document.querySelector(".gate")?.remove();
  byID("app").inert = true;
  const form = session.status === "failed" ? failed(actions, session.problem) : fields(actions, session.setupRequired);
  document.body.append(h("div", { class: "gate" }, form));
  form.querySelector("input, button")?.focus();
}

function head(title, lead) {
  return [
    h("img", { src: "/assets/icons/favicon.svg", alt: "", width: "44", height: "44" }),
    h("div", {}, h("h1", { text: title }), h("p", { class: "lead", text: lead })),
  ];
}

function failed(actions, problem) {
  return h("form", {
    onsubmit: (event) => {
      event.preventDefault();
      location.reload();
    },
  }, ...head("Parley cannot be reached", problem?.detail ?? problem?.title ?? ""),
  h("button", { class: "button button-primary", type: "submit", text: "Try again" }));
}

function fields(actions, isFirst) {
  const problem = h("p", { class: "wrong", role: "alert" });
  const inputs = [
    isFirst ? field("name", "Your name", { autocomplete: "name" }) : null,
    field("email", "E-mail address", { type: "email", autocomplete: "username" }),
    field("password", "Password", {
      type: "password", autocomplete: isFirst ? "new-password" : "current-password", minlength: isFirst ? 10 : null,
    }, isFirst ? "At least 10 characters." : null),
  ].filter(Boolean);
  const send = h("button", {
    class: "button button-primary", type: "submit", text: isFirst ? "Create the account" : "Sign in",
  });
  return h("form", {
    class: "form",
    onsubmit: async (event) => {
      event.preventDefault();
      const body = Object.fromEntries(new FormData(event.target));
      send.disabled = true;
      problem.textContent = "";
      try {
        await (isFirst ? actions.createAccount(body) : actions.signIn(body));
      } catch (error) {
        showErrors(error, event.target, problem);
      } finally {
        send.disabled = false;
      }
    },
  },
  ...(isFirst
    ? head("Welcome to Parley", "Make the first account. It is the administrator's; after it, sign-up is closed.")
    : head("Sign in to Parley", "With the account that you were given.")),
  ...inputs, problem, send);
}

function field(name, label, attributes, hint) {
  return h("label", {}, label, h("input", { class: "field", name, required: true, ...attributes }),
    h("small", { text: hint ?? "", "data-for": name }));
}

/** Puts each reason at its field, and the rest above the button. */
function showErrors(error, form, problem) {
  let isPlaced = false;
  for (const input of form.querySelectorAll("input")) {
    const reason = error.errors?.find((candidate) => candidate.field === input.name);
    input.setAttribute("aria-invalid", String(Boolean(reason)));
    if (!reason) continue;
    isPlaced = true;
    const note = form.querySelector(`[data-for="${input.name}"]`);
    note.textContent = reason.message;
    note.className = "wrong";
    input.focus();
  }
  if (!isPlaced) problem.textContent = error.message;
}
