// One trial of a task: what was drawn for it, its inputs and target over time, and the rings at the
// moment that is shown.

import { Chart } from "./chart.js";
import { degrees, make, unpack } from "./common.js";
import { facts, told } from "./facts.js";
import { drawRing } from "./ring.js";

export class Panel {
  #step = 0;
  #chart;
  #ring = make("canvas", { role: "img" });
  #picture = make("canvas", { role: "img" });
  #name = make("h2");
  #about = make("p", { className: "about" });
  #facts = make("ul", { className: "facts" });

  /** Put it into a place; `look()` is the theme, `onTime(ms)` is called when a time is pointed at. */
  constructor(place, look, onTime) {
    this.look = look;
    this.now = make("p", { className: "now" });
    const right = make("div", { className: "ring" }, this.#ring, this.now);
    const left = make("div", {}, this.#picture);
    const pictures = make("div", { className: "pictures" }, left, right);
    const parts = [this.#name, this.#about, this.#facts, pictures];
    this.article = make("article", { className: "panel" }, ...parts);
    place.append(this.article);
    this.#chart = new Chart(this.#picture, onTime);
    new ResizeObserver(() => this.redraw()).observe(this.#picture);
  }

  /** Show a trial as the server packs it, on an axis of `longest` ms. */
  fill(trial, { longest, compact }) {
    this.trial = { ...trial, inputs: unpack(trial.inputs) };
    this.space = { longest, compact };
    this.#name.textContent = trial.name;
    this.#about.textContent = trial.sentence;
    this.#facts.replaceChildren(...facts(this.trial, this.look().soft));
    this.#picture.setAttribute("aria-label", `Inputs and target over time. ${this.told()}`);
    this.#chart.load(this.trial, this.space, this.look());
  }

  /** The trial as a sentence. */
  told() {
    return told(this.trial);
  }

  redraw() {
    if (!this.trial) return;
    this.#chart.load(this.trial, this.space, this.look());
    this.draw(this.#step);
  }

  /** Show a step. */
  draw(step) {
    this.#step = step;
    const { dim_ring: n, dt, colors, inputs, periods, targets } = this.trial;
    const t = Math.min(step, targets.length - 1);
    const part = (first) => Array.from({ length: n }, (_, k) => inputs.at(t, first + k));
    const period = periods.findLast(({ start, steps }) => steps && start <= t);
    const target = targets[t];
    const moment = {
      n,
      colors,
      rings: [part(1), part(1 + n)],
      fixation: inputs.at(t, 0),
      target,
      trail: targets.slice(periods.at(-1).start, t),
    };
    const what = target ? degrees(((target - 1) * 360) / n) : "fixate";
    this.now.textContent = `${Math.round(t * dt)} ms, ${period.name}: target ${what}`;
    this.#ring.setAttribute("aria-label", `Rings at ${this.now.textContent}`);
    this.#chart.show(step, this.look());
    drawRing(this.#ring, moment, this.look());
  }
}
