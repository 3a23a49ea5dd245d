// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// Runs before the first paint, so that no wrong colours flash. The choice is `light`, `dark` or, by default, `auto`.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;

  function choice() {
    try {
      return localStorage.getItem("parley.theme") ?? "auto";
    } catch {
      return "auto";
    }
  }

  function apply() {
    const wish = root.dataset.themeChoice ?? choice();
    const theme = wish === "auto" ? (dark.matches ? "dark" : "light") : wish;
    root.dataset.theme = theme;
    const color = document.querySelector('meta[name="theme-color"]');
    if (color) color.content = theme === "dark" ? "#1b1a18" : "#fcfbf9";
  }

  dark.addEventListener("change", apply);
  addEventListener("parley:theme", (event) => {
    root.dataset.themeChoice = event.detail;
    apply();
  });
  apply();
})();
