// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// Files on their way into the knowledge base: sent a few at a time, then followed until they can be searched.

import { uuidv7 } from "./format.js";

/** Files that are sent at once. */
const AT_ONCE = 2;
/** Bytes of one file, at most; the server refuses more. */
export const FILE_BYTES = 512 * 1024 * 1024;
/** How long until the state of a document is asked for again: first, and at most. */
const FIRST_LOOK_MS = 700;
const LAST_LOOK_MS = 5000;

/**
 * The pure function behind the list of uploads. An item is `{id, name, size, phase, sent, progress, documentID,
 * problem, learntAt}`; its phase goes `waiting → sending → reading → ready`, or ends as `failed` or `unchanged`.
 */
export function reduce(items, action) {
  switch (action.type) {
    case "added": return [...items, ...action.files];
    case "changed":
      return items.map((item) => (item.id === action.id ? { ...item, ...action.change } : item));
    case "dismissed": return items.filter((item) => item.id !== action.id);
    case "cleared": return items.filter((item) => !isOver(item));
    default: throw new Error(`unknown action ${action.type}`);
  }
}

export function isOver(item) {
  return ["ready", "unchanged", "failed"].includes(item.phase);
}

/** The items to begin now: those that wait, as many as there is room for. */
export function due(items) {
  const room = AT_ONCE - items.filter((item) => item.phase === "sending").length;
  return items.filter((item) => item.phase === "waiting").slice(0, Math.max(0, room));
}

/** What a document's state means for its upload. */
export function changeFor(document) {
  switch (document.state) {
    case "ready": return { phase: "ready", progress: 1 };
    case "failed": return { phase: "failed", problem: document.failure ?? "The document could not be read." };
    default: return { phase: "reading", progress: document.progress };
  }
}

/** What the server's answer to an upload means for it. */
export function changeOnArrival(document) {
  const isKnown = document.addition === "unchanged" && document.state === "ready";
  return { documentID: document.id, ...(isKnown ? { phase: "unchanged" } : changeFor(document)) };
}

/** How far an item is, from 0 to 1: sending is the first half, reading the second. */
export function share(item) {
  if (item.phase === "sending") return item.sent / 2;
  if (item.phase === "reading") return 0.5 + item.progress / 2;
  return isOver(item) ? 1 : 0;
}

export class Uploads {
  #files = new Map();
  #listeners = new Set();

  /** @param send sends one file: `(file, collection, onProgress) → {document}` with its `addition` */
  constructor({ api, send = sendFile, firstLookMs = FIRST_LOOK_MS }) {
    Object.assign(this, { api, send, firstLookMs });
    this.items = [];
  }

  /** @returns a function that ends the subscription */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Begins to send files into a collection, by id or name; undefined is the one for everything. */
  add(files, collection) {
    const items = [...files].map((file) => {
      const problem = file.size > FILE_BYTES ? "Files may have up to 512 MiB." : null;
      const item = {
        id: uuidv7(), name: file.name, size: file.size, phase: problem ? "failed" : "waiting", sent: 0, progress: 0,
        documentID: null, problem,
      };
      this.#files.set(item.id, { file, collection });
      return item;
    });
    this.#apply({ type: "added", files: items });
    this.#sendDue();
  }

  /** Follows a document that came in another way, for instance a web page. */
  follow(document) {
    const item = {
      id: uuidv7(), name: document.name, size: document.byteCount, sent: 1, progress: 0, problem: null,
      ...changeOnArrival(document),
    };
    this.#apply({ type: "added", files: [item] });
    this.#watch(item.id);
  }

  /** Takes in documents that somebody else has read, so that they need not be asked for again at once. */
  learn(documents) {
    for (const document of documents) {
      const item = this.items.find((each) => each.phase === "reading" && each.documentID === document.id);
      if (item) this.#change(item.id, { ...changeFor(document), learntAt: performance.now() });
    }
  }

  dismiss(id) {
    this.#files.delete(id);
    this.#apply({ type: "dismissed", id });
  }

  clear() {
    this.#apply({ type: "cleared" });
  }

  #apply(action) {
    this.items = reduce(this.items, action);
    for (const listener of this.#listeners) listener(this.items);
  }

  #change(id, change) {
    this.#apply({ type: "changed", id, change });
  }

  #sendDue() {
    for (const item of due(this.items)) this.#sendOne(item);
  }

  async #sendOne({ id }) {
    const { file, collection } = this.#files.get(id);
    this.#change(id, { phase: "sending" });
    try {
      const { document } = await this.send(file, collection, (sent) => this.#change(id, { sent }));
      this.#files.delete(id);
      this.#change(id, changeOnArrival(document));
      this.#watch(id);
    } catch (error) {
      this.#change(id, { phase: "failed", problem: error.message });
    }
    this.#sendDue();
  }

  /** Asks for the document until it is ready or failed, or nobody wants to know any more. */
  async #watch(id) {
    const find = () => this.items.find((item) => item.id === id && item.phase === "reading");
    for (let waitMs = this.firstLookMs; find(); waitMs = Math.min(LAST_LOOK_MS, waitMs * 1.4)) {
      const since = performance.now();
      await new Promise((resolve) => { setTimeout(resolve, waitMs); });
      const item = find();
      if (!item || item.learntAt >= since) continue;
      try {
        this.#change(id, changeFor((await this.api.document(item.documentID)).document));
      } catch (error) {
        if (error.kind !== "http" || error.status >= 500) continue;
        this.#change(id, { phase: "failed", problem: "The document was removed." });
      }
    }
  }
}

/** Sends one file as a form; fetch does not tell how much went out, so the older interface does. */
function sendFile(file, collection, onProgress) {
  const form = new FormData();
  if (collection) form.append("collection", collection);
  form.append("file", file);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/api/documents");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    });
    request.addEventListener("load", () => {
      const answer = request.response;
      if (request.status >= 200 && request.status < 300 && answer?.document) return resolve(answer);
      return reject(new Error(reason(answer) ?? `The server answered ${request.status}.`));
    });
    request.addEventListener("error", () => reject(new Error("Parley cannot be reached. Try again.")));
    request.send(form);
  });
}

function reason(problem) {
  return problem?.errors?.[0]?.reason ?? problem?.detail ?? problem?.title;
}
