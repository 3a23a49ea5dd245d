// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// The REST API: JSON in, JSON out, problem details as errors.

/** How long a request may take before it counts as lost, in milliseconds. */
const TIMEOUT_MS = 20_000;
const IMPORT_TIMEOUT_MS = 300_000;
const FETCH_TIMEOUT_MS = 60_000;

export class ApiError extends Error {
  /** @param kind `"http"`, `"network"` or `"timeout"` */
  constructor(kind, problem) {
    const { status = 0, title, detail, errors = [], requestID = null, setupRequired, retryAfterSeconds } = problem;
    super(detail || title);
    this.kind = kind;
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.errors = errors;
    this.requestID = requestID;
    this.setupRequired = setupRequired;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export class Api {
  /** @param onSignedOut called when a request is refused because nobody is signed in */
  constructor({ fetch = globalThis.fetch.bind(globalThis), onSignedOut = () => {} } = {}) {
    this.fetch = fetch;
    this.onSignedOut = onSignedOut;
  }

  session = () => this.#request("GET", "/api/session", { quiet: true });
  openSession = (body = {}) => this.#request("POST", "/api/session", { body, quiet: true });
  closeSession = () => this.#request("DELETE", "/api/session");
  sessions = () => this.#request("GET", "/api/sessions");
  deleteSession = (id) => this.#request("DELETE", `/api/sessions/${id}`);
  deleteOtherSessions = () => this.#request("DELETE", "/api/sessions");
  createAccount = (body) => this.#request("POST", "/api/accounts", { body, quiet: true });
  models = () => this.#request("GET", "/api/models");

  conversations = (query = {}, signal) => this.#request("GET", "/api/conversations", { query, signal });
  conversation = (id) => this.#request("GET", `/api/conversations/${id}`);
  createConversation = (body) => this.#request("POST", "/api/conversations", { body });
  patchConversation = (id, body) => this.#request("PATCH", `/api/conversations/${id}`, { body });
  deleteConversation = (id) => this.#request("DELETE", `/api/conversations/${id}`);
  restoreConversation = (id) => this.#request("POST", `/api/conversations/${id}/restore`);

  messages = (id, query) => this.#request("GET", `/api/conversations/${id}/messages`, { query });
  send = (id, body) => this.#request("POST", `/api/conversations/${id}/messages`, { body });
  regenerate = (messageID, body) => this.#request("POST", `/api/messages/${messageID}/regenerate`, { body });
  turn = (id) => this.#request("GET", `/api/turns/${id}`);
  stop = (turnID) => this.#request("POST", `/api/turns/${turnID}/stop`);

  history = (query, signal) => this.#request("GET", "/api/history", { query, signal });
  presets = () => this.#request("GET", "/api/presets");
  putPreset = (id, body) => this.#request("PUT", `/api/presets/${id}`, { body });
  deletePreset = (id) => this.#request("DELETE", `/api/presets/${id}`);
  import = (file) => this.#request("POST", "/api/import", { file, timeoutMs: IMPORT_TIMEOUT_MS });

  collections = () => this.#request("GET", "/api/collections");
  createCollection = (body) => this.#request("POST", "/api/collections", { body });
  patchCollection = (id, body) => this.#request("PATCH", `/api/collections/${id}`, { body });
  deleteCollection = (id) => this.#request("DELETE", `/api/collections/${id}`);
  documents = (query) => this.#request("GET", "/api/documents", { query });
  document = (id) => this.#request("GET", `/api/documents/${id}`);
  addPage = (url, collection) => (
    this.#request("POST", "/api/documents", { body: { url, collection }, timeoutMs: FETCH_TIMEOUT_MS }));
  retryDocument = (id) => this.#request("POST", `/api/documents/${id}/retry`);
  deleteDocument = (id) => this.#request("DELETE", `/api/documents/${id}`);
  readiness = () => this.#request("GET", "/readyz");

  memories = () => this.#request("GET", "/api/memories");
  addMemory = (body) => this.#request("POST", "/api/memories", { body });
  patchMemory = (id, body) => this.#request("PATCH", `/api/memories/${id}`, { body });
  deleteMemory = (id) => this.#request("DELETE", `/api/memories/${id}`);
  deleteMemories = () => this.#request("DELETE", "/api/memories");
  memorySettings = () => this.#request("GET", "/api/memories/settings");
  patchMemorySettings = (body) => this.#request("PATCH", "/api/memories/settings", { body });

  static exportURL(id, format) {
    return `/api/conversations/${id}/export?format=${format}`;
  }

  async #request(method, path, { body, file, query, signal, timeoutMs = TIMEOUT_MS, quiet = false } = {}) {
    const deadline = AbortSignal.timeout(timeoutMs);
    const options = { method, signal: signal ? AbortSignal.any([signal, deadline]) : deadline, cache: "no-store" };
    if (body !== undefined || file !== undefined) {
      options.headers = { "Content-Type": "application/json" };
      options.body = file ?? JSON.stringify(body);
    }
    let response;
    let value;
    try {
      response = await this.fetch(path + queryString(query), options);
      value = await parsed(response);
    } catch (error) {
      if (signal?.aborted) throw error;
      if (deadline.aborted) throw new ApiError("timeout", { title: "The server did not answer in time." });
      throw new ApiError("network", { title: "Parley cannot be reached." });
    }
    if (response.ok) return value;
    if (response.status === 401 && !quiet) this.onSignedOut(value);
    const retryAfterSeconds = Number(response.headers.get("Retry-After")) || undefined;
    const title = value?.title ?? `The server answered ${response.status}.`;
    throw new ApiError("http", { ...value, title, status: response.status, retryAfterSeconds });
  }
}

function queryString(query = {}) {
  const known = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  return known.length === 0 ? "" : `?${new URLSearchParams(known)}`;
}

async function parsed(response) {
  if (response.status === 204) return null;
  const text = await response.text();
  try {
    return text === "" ? null : JSON.parse(text);
  } catch (error) {
    if (response.ok) throw error;
    return null;
  }
}
