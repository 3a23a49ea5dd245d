// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// Where answers look for passages: null is everywhere, a list is these collections, `{id, name}`, and an empty list
// nowhere. The choice holds for all chats of this browser until it is changed.

const KEY = "parley.lookIn";

export function lookIn(storage) {
  try {
    const value = JSON.parse(storage.getItem(KEY) ?? "null");
    return Array.isArray(value) && value.every((entry) => typeof entry?.id === "string") ? value : null;
  } catch {
    return null;
  }
}

export function saveLookIn(storage, value) {
  if (value === null) storage.removeItem(KEY);
  else storage.setItem(KEY, JSON.stringify(value));
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
export function describe(value) {
  if (value === null) return null;
  return value.length === 0 ? "Without documents" : value.map((entry) => entry.name).join(", ");
}
