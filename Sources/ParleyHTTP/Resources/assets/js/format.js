// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// Ids, times and words as people read them. Pure: the clock and the random source are handed in where tests need them.

/** Makes a UUIDv7 (RFC 9562 section 5.7): 48 bits of milliseconds, then random bits. */
export function uuidv7(now = Date.now(), random = crypto.getRandomValues(new Uint8Array(16))) {
  const bytes = Uint8Array.from(random);
  for (let index = 0; index < 6; index += 1) bytes[index] = Math.floor(now / 2 ** (40 - index * 8)) % 256;
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

const formats = new Map();

/** A formatter of dates; making one is costly, so each is made once. */
function formatter(locale, options) {
  const key = `${locale}${JSON.stringify(options)}`;
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(locale, options));
  return formats.get(key);
}

function dayNumber(date) {
  return Math.floor(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / 86_400_000);
}

/** The heading under which a conversation of `date` stands in the list on the day of `now`. */
export function dayGroup(date, now = new Date(), locale = undefined) {
  const days = dayNumber(now) - dayNumber(date);
  if (days <= 0) return "Today";
  if (days === 1) return "Yesterday";
  if (days <= 7) return "Previous 7 days";
  if (days <= 30) return "Previous 30 days";
  const month = { month: "long" };
  if (date.getFullYear() !== now.getFullYear()) month.year = "numeric";
  return formatter(locale, month).format(date);
}

/** Conversations in groups: pinned ones first, then by day, newest first. */
export function groupConversations(conversations, now = new Date(), locale = undefined) {
  const groups = [];
  const pinned = conversations.filter((conversation) => conversation.pinned);
  if (pinned.length > 0) groups.push({ label: "Pinned", conversations: pinned });
  for (const conversation of conversations) {
    if (conversation.pinned) continue;
    const label = dayGroup(new Date(conversation.updatedAt), now, locale);
    if (groups.at(-1)?.label === label) groups.at(-1).conversations.push(conversation);
    else groups.push({ label, conversations: [conversation] });
  }
  return groups;
}

/** A short time: the hour today, otherwise the date too. */
export function shortTime(date, now = new Date(), locale = undefined) {
  const time = { hour: "numeric", minute: "2-digit" };
  if (dayNumber(date) === dayNumber(now)) return formatter(locale, time).format(date);
  const day = { day: "numeric", month: "short" };
  if (date.getFullYear() !== now.getFullYear()) day.year = "numeric";
  return formatter(locale, { ...day, ...time }).format(date);
}

/** The whole time, for a tooltip. */
export function longTime(date, locale = undefined) {
  return formatter(locale, { dateStyle: "full", timeStyle: "short" }).format(date);
}

export function plural(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

/** A number of bytes as people read it: `900 B`, `12 KB`, `3.4 MB`. */
export function byteCount(bytes, locale = "en") {
  const units = ["B", "KB", "MB", "GB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit > 0 && value < 9.95 ? 1 : 0;
  return `${value.toLocaleString(locale, { maximumFractionDigits: digits })} ${units[unit]}`;
}

/** The title that a conversation has before the server gives one: the beginning of the first message. */
export function provisionalTitle(text, limit = 60) {
  const line = text.trim().replace(/\s+/gu, " ");
  const characters = Array.from(line);
  if (characters.length <= limit) return line;
  return characters.slice(0, limit).join("").replace(/\s+\S*$/u, "") + "…";
}

/** A search's snippet as parts; matching words stand between U+E000 and U+E001. */
export function snippetParts(snippet) {
  const parts = [];
  let isMatch = false;
  for (const piece of snippet.split(/([\uE000\uE001])/u)) {
    if (piece === "\uE000") isMatch = true;
    else if (piece === "\uE001") isMatch = false;
    else if (piece !== "") parts.push({ text: piece, isMatch });
  }
  return parts;
}

/** Markdown as plain words, for an announcement or a clipboard: marks are left out, at most `limit` characters. */
export function plainText(markdown, limit = Infinity) {
  const text = markdown
    .replace(/^```[^\n]*$/gmu, "")
    .replace(/!?\[([^\]]*)\]\([^)]*\)/gu, "$1")
    .replace(/^\s{0,3}(?:#{1,6}|>)\s*/gmu, "")
    .replace(/(\*\*|__|~~|`)/gu, "")
    .replace(/\s+/gu, " ")
    .trim();
  const characters = Array.from(text);
  return characters.length > limit ? `${characters.slice(0, limit).join("").trimEnd()}…` : text;
}

/** A model's name without the folders that some servers put before it. */
export function modelLabel(name) {
  return name.split("/").at(-1) || name;
}
