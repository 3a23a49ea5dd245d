// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// A block of code: its language, a button that copies it, and colours once it is whole.

import { h, icon } from "./dom.js";
import { loadPrism } from "./vendor.js";

/** Characters above which code stays without colours. */
const COLOURED_LENGTH = 60_000;

const ALIASES = {
  js: "javascript", mjs: "javascript", cjs: "javascript", ts: "typescript", py: "python", rb: "ruby", rs: "rust",
  sh: "bash", shell: "bash", zsh: "bash", console: "bash", yml: "yaml", "c++": "cpp", cc: "cpp", hpp: "cpp", h: "c",
  cs: "csharp", "c#": "csharp", kt: "kotlin", md: "markdown", html: "markup", xml: "markup", svg: "markup",
  dockerfile: "docker", objc: "objectivec", golang: "go", patch: "diff", ps1: "powershell", psql: "sql",
  make: "makefile", toml: "toml", conf: "ini", jsonc: "json", json5: "json", plaintext: "text", txt: "text",
};

const NAMES = {
  javascript: "JavaScript", typescript: "TypeScript", python: "Python", markup: "HTML", css: "CSS", bash: "Shell",
  json: "JSON", yaml: "YAML", sql: "SQL", cpp: "C++", c: "C", csharp: "C#", go: "Go", java: "Java", rust: "Rust",
  swift: "Swift", kotlin: "Kotlin", ruby: "Ruby", php: "PHP", docker: "Dockerfile", markdown: "Markdown", diff: "Diff",
  ini: "INI", toml: "TOML", lua: "Lua", makefile: "Makefile", jsx: "JSX", tsx: "TSX", text: "Text", html: "HTML",
  xml: "XML", svg: "SVG", nginx: "nginx", http: "HTTP", objectivec: "Objective-C", powershell: "PowerShell", r: "R",
  scala: "Scala", scss: "SCSS", graphql: "GraphQL", perl: "Perl", haskell: "Haskell", elixir: "Elixir",
};

function grammarName(language) {
  return ALIASES[language] ?? language;
}

export function languageLabel(language) {
  if (!language) return "Code";
  return NAMES[language] ?? NAMES[grammarName(language)] ?? language;
}

export class CodeBlock {
  #code = h("code");
  #language;
  #shown = "";

  constructor(language) {
    this.#language = language;
    const copy = h("button", { type: "button", class: "code-copy" }, icon("copy"), h("span", { text: "Copy" }));
    this.element = h("div", { class: "code" },
      h("div", { class: "code-head" }, h("span", { text: languageLabel(language) }), copy),
      h("pre", { tabindex: "0", role: "region", "aria-label": `${languageLabel(language)} code` }, this.#code));
    this.#code.append(document.createTextNode(""));
  }

  get language() {
    return this.#language;
  }

  /** Shows the code; only what is new is added to the page. */
  update(code, isWhole) {
    if (code !== this.#shown) {
      const text = this.#code.firstChild;
      const isPlain = text?.nodeType === Node.TEXT_NODE && this.#code.childNodes.length === 1;
      if (isPlain && code.startsWith(this.#shown)) text.appendData(code.slice(this.#shown.length));
      else this.#code.replaceChildren(document.createTextNode(code));
      this.#shown = code;
      this.isColoured = false;
    }
    if (isWhole && !this.isColoured) this.#colour();
  }

  async #colour() {
    this.isColoured = true;
    const code = this.#shown;
    if (!this.#language || code.length > COLOURED_LENGTH) return;
    const prism = await loadPrism();
    const grammar = prism?.languages[grammarName(this.#language)];
    if (!grammar || typeof grammar === "function" || code !== this.#shown) return;
    this.#code.replaceChildren(...nodes(prism.tokenize(code, grammar)));
  }
}

/** Prism's tokens as elements; their text goes in as text. */
function nodes(tokens) {
  return tokens.map((token) => {
    if (typeof token === "string") return document.createTextNode(token);
    const content = Array.isArray(token.content) ? token.content : [token.content];
    const aliases = [token.alias ?? []].flat();
    return h("span", { class: ["token", token.type, ...aliases].join(" ") }, ...nodes(content));
  });
}
