// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0

// Keeps the scroll where the reader put it. A reader who went to the end follows it; one who did not stays where he
// is, whatever is added above or below.

import { wantsCalm } from "./dom.js";

/** Pixels from the end within which a reader counts as being there. */
const AT_END = 24;
/** Pixels from the end beyond which the way back is offered. */
const AWAY = 160;
/** Screens from the top within which older messages are asked for. */
const NEAR_TOP_SCREENS = 2;
/** A scroll so soon after a wheel, a touch or a key is the reader's; its momentum goes on counting as his. */
const INTENT_MS = 400;

export class Scroller {
  #intent = -Infinity;
  #isPressed = false;

  /**
   * @param box the element that scrolls
   * @param content its content, whose growth is watched
   * @param jump the button that leads to the end
   * @param onNearTop called when the reader comes near the beginning
   */
  constructor({ box, content, jump, onNearTop, onScroll = () => {} }) {
    Object.assign(this, { box, content, jump, onNearTop, onScroll });
    this.isFollowing = true;
    const meant = () => {
      this.#intent = performance.now();
    };
    for (const name of ["wheel", "touchmove", "keydown"]) box.addEventListener(name, meant, { passive: true });
    box.addEventListener("pointerdown", () => {
      this.#isPressed = true;
    });
    addEventListener("pointerup", () => {
      this.#isPressed = false;
    });
    box.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    jump.addEventListener("click", () => this.toEnd({ isSmooth: true }));
    const observer = new ResizeObserver(() => this.settle());
    observer.observe(content);
    observer.observe(box);
  }

  get #rest() {
    return this.box.scrollHeight - this.box.clientHeight - this.box.scrollTop;
  }

  toEnd({ isSmooth = false } = {}) {
    this.isFollowing = true;
    this.#to(this.box.scrollHeight, isSmooth);
  }

  /** Scrolls so that an element stands at the top. */
  toTop(element, { isSmooth = false } = {}) {
    this.isFollowing = false;
    const top = element.getBoundingClientRect().top - this.box.getBoundingClientRect().top + this.box.scrollTop;
    this.#to(top, isSmooth);
  }

  /** Follows the end if the reader went there. */
  settle() {
    if (this.isFollowing && this.#rest > 1) this.#to(this.box.scrollHeight, false);
    this.#update();
    if (this.box.scrollHeight < this.box.clientHeight * 1.5) this.onNearTop();
  }

  /**
   * Remembers where an element stands on the screen.
   * @returns a function that brings it, or another in its stead, back to that place
   */
  hold(element, top = element?.getBoundingClientRect().top) {
    return (held = element) => {
      if (!held?.isConnected || top === undefined) return;
      const moved = held.getBoundingClientRect().top - top;
      if (Math.abs(moved) > 0.5) this.#to(this.box.scrollTop + moved, false);
    };
  }

  #to(top, isSmooth) {
    this.box.scrollTo({ top, behavior: isSmooth && !wantsCalm() ? "smooth" : "instant" });
    this.#update();
  }

  #scrolled() {
    const now = performance.now();
    if (this.#isPressed || now - this.#intent < INTENT_MS) {
      this.#intent = now;
      this.isFollowing = this.#rest <= AT_END;
    }
    this.#update();
    this.onScroll(this.box.scrollTop);
    if (this.box.scrollTop < this.box.clientHeight * NEAR_TOP_SCREENS) this.onNearTop();
  }

  #update() {
    this.jump.toggleAttribute("data-away", this.#rest < AWAY);
  }
}
