// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// Messages on their way to the server, kept in the browser until it has acknowledged them, so that neither a broken
// network nor a closed tab loses one. Each goes out again with the same id, which the server recognises.

import { keysOf } from "./drafts.js";

const PREFIX = "parley.outbox.";

/** Waits before the attempts after the first, in milliseconds; the last one repeats. */
export const RETRY_WAITS_MS = [500, 1000, 2000, 4000, 8000, 15_000];

/** What to do after an attempt failed. */
export function afterFailure(error, attempt, random = Math.random) {
  const wait = RETRY_WAITS_MS[Math.min(attempt, RETRY_WAITS_MS.length - 1)];
  const jittered = wait / 2 + random() * (wait / 2);
  if (error.kind === "network" || error.kind === "timeout") return { retry: true, waitMs: jittered };
  const isBusy = error.status === 429 || error.status === 502 || error.status === 503 || error.status === 504;
  if (isBusy && attempt < 6) return { retry: true, waitMs: Math.max(jittered, (error.retryAfterSeconds ?? 0) * 1000) };
  return { retry: false, waitMs: 0 };
}

export class Outbox {
  /** @param owner gives the id of the user whose messages they are */
  constructor(storage, owner = () => null) {
    this.storage = storage;
    this.owner = owner;
  }

  /** @param entry `{id, conversationID, parentID, content, create, createdAt}` */
  put(entry) {
    try {
      this.storage.setItem(PREFIX + entry.id, JSON.stringify({ ...entry, owner: this.owner() }));
    } catch {
      // A full storage keeps nothing; the message is still on its way.
    }
  }

  remove(id) {
    this.storage.removeItem(PREFIX + id);
  }

  /** The entries of the user who is signed in, oldest first (ids sort by time). */
  entries() {
    const found = [];
    for (const key of keysOf(this.storage, PREFIX).sort()) {
      try {
        const entry = JSON.parse(this.storage.getItem(key));
        const isWhole = entry?.id && entry.conversationID && typeof entry.content === "string";
        if (isWhole && entry.owner === this.owner()) found.push(entry);
      } catch {
        this.storage.removeItem(key);
      }
    }
    return found;
  }

  clear() {
    for (const { id } of this.entries()) this.remove(id);
  }
}
