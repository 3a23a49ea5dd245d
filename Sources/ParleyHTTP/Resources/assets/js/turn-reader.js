// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// What one reader of a turn has seen: its position and the text that it shows. The rule is the same as in
// Sources/ParleyCore/ReaderPosition.swift, so that each character is shown once:
// - an event at or below the position is dropped;
// - a `replace` may come with any later id, since it says exactly what the text is;
// - any other event must be the next of its epoch, or the first of a later one; otherwise events are missing and the
//   reader asks again from its position.
// Positions in text count Unicode scalar values, JavaScript's strings count UTF-16 units.

/** Before the first event. */
export const START = Object.freeze({ epoch: 0, sequence: 0 });

/** Reads `<epoch>-<sequence>`; null when it is none. */
export function parseEventID(text) {
  const match = /^(\d{1,15})-(\d{1,15})$/.exec(text);
  return match && { epoch: Number(match[1]), sequence: Number(match[2]) };
}

export function formatEventID({ epoch, sequence }) {
  return `${epoch}-${sequence}`;
}

/** Negative, zero or positive, as `left` is before, at or after `right`. */
export function compareEventIDs(left, right) {
  return left.epoch - right.epoch || left.sequence - right.sequence;
}

/** Unicode scalar values in a string. */
export function scalarCount(text) {
  let count = text.length;
  for (let index = 1; index < text.length; index += 1) {
    if (isLow(text, index) && isHigh(text, index - 1)) count -= 1;
  }
  return count;
}

/** The UTF-16 index of the `scalars`th scalar value; -1 when the text has fewer. */
export function utf16Index(text, scalars) {
  let index = 0;
  for (let passed = 0; passed < scalars; passed += 1) {
    if (index >= text.length) return -1;
    index += isHigh(text, index) && isLow(text, index + 1) ? 2 : 1;
  }
  return index;
}

function isHigh(text, index) {
  return (text.charCodeAt(index) & 0xfc00) === 0xd800;
}

function isLow(text, index) {
  return (text.charCodeAt(index) & 0xfc00) === 0xdc00;
}

const TERMINAL = new Set(["completed", "stopped", "failed"]);

export class TurnReader {
  constructor(last = START, text = "") {
    this.last = last;
    this.text = text;
    this.scalars = scalarCount(text);
    this.isFinished = false;
  }

  /** The position to resume after, or undefined before the first event. */
  get position() {
    return compareEventIDs(this.last, START) === 0 ? undefined : formatEventID(this.last);
  }

  /**
   * Takes one event of the wire.
   * @returns {"applied"|"dropped"|"gap"} what became of it
   */
  apply(event) {
    const id = parseEventID(event.id);
    if (!id || compareEventIDs(id, this.last) <= 0) return "dropped";
    if (event.type === "replace") {
      const index = utf16Index(this.text, event.from);
      if (index < 0) return "gap";
      this.text = this.text.slice(0, index) + event.text;
      this.scalars = event.from + scalarCount(event.text);
      this.last = id;
      return "applied";
    }
    const expected = id.epoch === this.last.epoch ? this.last.sequence + 1 : 1;
    if (id.sequence !== expected) return "gap";
    if (event.type === "delta") {
      this.text += event.text;
      this.scalars += scalarCount(event.text);
    }
    this.isFinished = TERMINAL.has(event.type);
    this.last = id;
    return "applied";
  }
}
