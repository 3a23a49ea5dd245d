// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// What is kept in the browser: text that was not sent yet, one for each conversation, and where answers look.

const PREFIX = "parley.draft.";
/** Whose texts they are while nobody is signed in. */
const NOBODY = "-";

/** The browser's storage, or one in memory where it is refused. */
export function openStorage(kind = "localStorage") {
  try {
    const storage = globalThis[kind];
    storage.setItem("parley.probe", "1");
    storage.removeItem("parley.probe");
    return storage;
  } catch {
    return new MemoryStorage();
  }
}

export class MemoryStorage {
  #items = new Map();

  get length() {
    return this.#items.size;
  }

  key(index) {
    return [...this.#items.keys()][index] ?? null;
  }

  getItem(key) {
    return this.#items.get(key) ?? null;
  }

  setItem(key, value) {
    this.#items.set(key, String(value));
  }

  removeItem(key) {
    this.#items.delete(key);
  }
}

/** The keys of a storage that begin with a prefix. */
export function keysOf(storage, prefix) {
  const keys = [];
  for (let index = 0; index < storage.length; index += 1) {
    const key = storage.key(index);
    if (key?.startsWith(prefix)) keys.push(key);
  }
  return keys;
}

export class Drafts {
  /**
   * @param {Storage} storage
   * @param {number} limit drafts that are kept; the oldest go first
   * @param {number} maxLength characters of one draft; a longer one is not kept
   */
  constructor(storage, { limit = 100, maxLength = 256 * 1024, now = Date.now } = {}) {
    this.storage = storage;
    this.limit = limit;
    this.maxLength = maxLength;
    this.now = now;
    /** Whose drafts they are: in one browser several people may sign in. */
    this.owner = NOBODY;
  }

  get #prefix() {
    return `${PREFIX}${this.owner}.`;
  }

  /** The draft of a conversation, `"new"` for the empty chat. */
  get(conversation) {
    return this.#read(this.#prefix + conversation)?.text ?? "";
  }

  set(conversation, text) {
    if (text.trim() === "") return this.remove(conversation);
    if (text.length > this.maxLength) return undefined;
    try {
      this.storage.setItem(this.#prefix + conversation, JSON.stringify({ text, at: this.now() }));
      this.#prune();
    } catch {
      // A full storage keeps no draft; the text is still in its box.
    }
    return undefined;
  }

  remove(conversation) {
    this.storage.removeItem(this.#prefix + conversation);
  }

  clear() {
    for (const key of keysOf(this.storage, this.#prefix)) this.storage.removeItem(key);
  }

  #read(key) {
    try {
      return JSON.parse(this.storage.getItem(key));
    } catch {
      return null;
    }
  }

  #prune() {
    const keys = keysOf(this.storage, PREFIX);
    if (keys.length <= this.limit) return;
    const byAge = keys.map((key) => [this.#read(key)?.at ?? 0, key]).sort((left, right) => left[0] - right[0]);
    for (const [, key] of byAge.slice(0, keys.length - this.limit)) this.storage.removeItem(key);
  }
}

const LOOK_IN_KEY = "parley.lookIn";

/**
 * Where answers look for passages: null is everywhere, a list is these collections, `{id, name}`, and an empty list
 * nowhere. The choice holds for all chats of this browser until it is changed.
 */
export function lookIn(storage) {
  try {
    const value = JSON.parse(storage.getItem(LOOK_IN_KEY) ?? "null");
    return Array.isArray(value) && value.every((entry) => typeof entry?.id === "string") ? value : null;
  } catch {
    return null;
  }
}

/** Keeps the choice; null forgets it. */
export function saveLookIn(storage, value) {
  if (value === null) storage.removeItem(LOOK_IN_KEY);
  else storage.setItem(LOOK_IN_KEY, JSON.stringify(value));
}

/** A choice under the present names of its collections, without those that are gone; null when none is left. */
export function stillThere(value, collections) {
  if (value === null || value.length === 0) return value;
  const kept = collections.filter(({ id }) => value.some((entry) => entry.id === id));
  return kept.length > 0 ? kept.map(({ id, name }) => ({ id, name })) : null;
}

/** The collection that new files go to: the one that answers look in, or undefined. */
export function looksInOne(value) {
  return value?.length === 1 ? value[0].id : undefined;
}

/** What a message carries: undefined leaves the choice to the server, which looks everywhere. */
export function collectionIDs(value) {
  return value?.map((entry) => entry.id);
}

/** What the chip beside the message box says; null when there is nothing to say. */
export function describeLookIn(value) {
  if (value === null) return null;
  return value.length === 0 ? "Without documents" : value.map((entry) => entry.name).join(", ");
}
