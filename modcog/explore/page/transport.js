// Going through a trial in time: play, pause, step, scrub.

import { make } from "./common.js";

const SHAPES = {
  first: "M2 2h2v12H2zM14 2v12L5 8z",
  back: "M11 2v12L3 8z",
  play: "M4 2l9 6-9 6z",
  pause: "M3 2h4v12H3zM9 2h4v12H9z",
  on: "M5 2l8 6-8 6z",
  last: "M12 2h2v12h-2zM2 2l9 6-9 6z",
};

const PAUSE_MS = 700; // at the end, before a trial starts anew
const SPEEDS = [0.1, 0.25, 0.5, 1];

/** Shows a step of a trial; `onStep(step, byHand)` is called when it changes. */
export class Transport {
  constructor(place, onStep) {
    this.onStep = onStep;
    this.steps = 1;
    this.dt = 100;
    this.step = 0;
    this.playing = false;
    this.#build(place);
  }

  /** Take another trial, at a step of it. */
  load(steps, dt, step) {
    this.steps = steps;
    this.dt = dt;
    this.scrub.max = steps - 1;
    this.#from = null;
    this.go(step, false);
  }

  go(step, byHand = true) {
    this.step = Math.min(this.steps - 1, Math.max(0, Math.round(step)));
    const ms = this.step * this.dt;
    this.scrub.value = this.step;
    this.time.textContent = `${Math.round(ms)} ms`;
    this.scrub.setAttribute("aria-valuetext", `${Math.round(ms)} ms`);
    if (byHand) this.#from = null;
    this.onStep(this.step, byHand && !this.playing);
  }

  /** Play to the end, once; not for visitors who want less motion. */
  playOnce() {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    this.go(0, false);
    this.toggle();
    this.#once = true;
  }

  toggle() {
    this.#once = false;
    this.playing = !this.playing;
    if (this.playing && this.step === this.steps - 1) this.go(0);
    this.#show();
    this.#from = null;
    if (this.playing) requestAnimationFrame((now) => this.#frame(now));
  }

  move(by) {
    if (this.playing) this.toggle();
    this.go(this.step + by);
  }

  #once = false;

  #from = null; // when the animation would have been at step 0

  #frame(now) {
    if (!this.playing) return undefined;
    const pace = Number(this.speed.value);
    if (this.#from === null || this.pace !== pace) this.#from = now - (this.step * this.dt) / pace;
    this.pace = pace;
    const step = Math.floor(((now - this.#from) * pace) / this.dt);
    if (this.#once && step >= this.steps) {
      this.go(this.steps - 1, false);
      return this.toggle();
    }
    if ((now - this.#from) * pace >= this.steps * this.dt + PAUSE_MS * pace) {
      this.#from = now;
      this.go(0, false);
    } else if (Math.min(step, this.steps - 1) !== this.step) {
      this.go(step, false);
    }
    return requestAnimationFrame((later) => this.#frame(later));
  }

  #build(place) {
    place.className = "transport";
    place.setAttribute("role", "group");
    place.setAttribute("aria-label", "Time");
    const button = (shape, label, act, className = "") => {
      const made = make("button", { type: "button", className, ariaLabel: label, title: label });
      made.append(icon(shape));
      made.addEventListener("click", act);
      place.append(made);
      return made;
    };
    button("first", "First step", () => this.move(-this.steps), "far");
    button("back", "One step back", () => this.move(-1));
    this.button = button("play", "Play", () => this.toggle(), "primary");
    button("on", "One step on", () => this.move(1));
    button("last", "Last step", () => this.move(this.steps), "far");
    this.scrub = make("input", { type: "range", min: 0, step: 1, ariaLabel: "Time in the trial" });
    this.scrub.addEventListener("input", () => this.go(Number(this.scrub.value)));
    this.time = make("output", { ariaLive: "off" });
    this.speed = make("select", { className: "speed", ariaLabel: "Speed" });
    for (const pace of SPEEDS)
      this.speed.append(new Option(pace === 1 ? "real time" : `${pace} ×`, pace, pace === 0.5, pace === 0.5));
    place.append(this.scrub, this.time, this.speed);
  }

  #show() {
    const what = this.playing ? "pause" : "play";
    const label = this.playing ? "Pause" : "Play";
    this.button.replaceChildren(icon(what));
    this.button.ariaLabel = this.button.title = label;
  }
}

function icon(shape) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", SHAPES[shape]);
  svg.append(path);
  return svg;
}
