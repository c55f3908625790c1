// The controls: what a task is made of, and its settings.

import { make } from "./common.js";

const FAMILIES = { reach: "Reach", decision: "Decision", matching: "Matching" };

/** Settings as sliders. `standard` null: the task's own, which may be drawn anew in each trial. */
export const SETTINGS = [
  { key: "interval", label: "Interval", unit: " ms", min: 0, max: 2000, step: 50, standard: null },
  { key: "int_velocity", label: "Velocity of Int", unit: "°/s", min: 22.5, max: 450, step: 22.5, standard: 225 },
  { key: "seq_velocity", label: "Velocity of Seq", unit: "°/s", min: 22.5, max: 450, step: 22.5, standard: 225 },
  { key: "coherence", label: "Coherence", unit: "", min: 0.02, max: 1, step: 0.02, standard: null },
  { key: "noise", label: "Noise", unit: " √ms", min: 0, max: 4, step: 0.25, standard: 1 },
  { key: "dt", label: "Time step", unit: " ms", min: 10, max: 100, step: 10, standard: 100 },
  { key: "dim_ring", label: "Ring size", unit: "", min: 8, max: 64, step: 4, standard: 16 },
];

/** Choose a base task and modifiers; `onChange(name)` gets the task's name. */
export class TaskPicker {
  constructor(place, title, catalog, onChange) {
    this.catalog = catalog;
    this.id = place.id;
    this.select = make("select", { id: `${this.id}-base`, ariaLabel: `${title}: base task` });
    for (const family of new Set(catalog.tasks.map((task) => task.family))) {
      const group = make("optgroup", { label: FAMILIES[family] ?? family });
      for (const task of catalog.tasks.filter((each) => each.family === family))
        group.append(new Option(task.name));
      this.select.append(group);
    }
    this.reason = make("p", { className: "reason", id: `${this.id}-reason` });
    place.replaceChildren(make("legend", {}, title), this.select);
    for (const [kind, directions] of Object.entries(catalog.modifiers))
      place.append(this.#choice(kind, directions, title));
    place.append(this.reason);
    place.addEventListener("change", () => {
      this.#refuse();
      onChange(this.name());
    });
  }

  name() {
    const chosen = this.radios.filter((radio) => radio.checked && !radio.disabled && radio.value);
    return [this.select.value, ...chosen.map((radio) => radio.value)].join("_");
  }

  /** Show a task. */
  show(base, modifiers) {
    this.select.value = base;
    for (const radio of this.radios) {
      const [kind] = radio.name.split(" ").slice(-1);
      const present = modifiers.find((label) => label.startsWith(kind)) ?? "";
      radio.checked = radio.value === present;
    }
    this.#refuse();
  }

  radios = [];

  #choice(kind, directions, title) {
    const row = make("div", { className: "choice", role: "radiogroup", ariaLabel: `${title}: ${kind}` });
    for (const direction of ["", ...directions]) {
      const value = direction && kind + direction;
      const radio = make("input", { type: "radio", name: `${this.id} ${kind}`, value, checked: !direction });
      this.radios.push(radio);
      row.append(make("label", {}, radio, value || `no ${kind}`));
    }
    return row;
  }

  /** Disable what the task refuses, and say why. */
  #refuse() {
    const { refused } = this.catalog.tasks.find((task) => task.name === this.select.value);
    for (const radio of this.radios) {
      const kind = radio.name.split(" ").at(-1);
      const no = kind in refused;
      if (no) radio.checked = !radio.value;
      radio.disabled = no && radio.value !== "";
      if (no) radio.setAttribute("aria-describedby", this.reason.id);
      else radio.removeAttribute("aria-describedby");
    }
    this.reason.textContent = Object.values(refused).join(" ");
  }
}

/** The sliders; `onChange(key, value)` gets null where a setting is the task's own again. */
export class Sliders {
  #fields = new Map();

  constructor(place, onChange) {
    for (const setting of SETTINGS) {
      const id = `set-${setting.key}`;
      const { min, max, step } = setting;
      const input = make("input", { type: "range", id, min, max, step });
      const output = make("output", { for: id });
      const label = `Reset: ${setting.label}`;
      const reset = make("button", { type: "button", className: "plain", textContent: "reset", ariaLabel: label });
      const reason = make("p", { className: "reason", id: `${id}-reason` });
      const top = make("div", { className: "top" }, make("label", { for: id }, setting.label), reset, output);
      const field = make("div", { className: "field" }, top, input, reason);
      input.setAttribute("aria-describedby", reason.id);
      input.addEventListener("input", () => {
        const value = Number(input.value);
        onChange(setting.key, value === setting.standard ? null : value);
      });
      reset.addEventListener("click", () => {
        onChange(setting.key, null);
        input.focus();
      });
      place.append(field);
      this.#fields.set(setting.key, { setting, field, input, output, reset, reason });
    }
  }

  /** Show the values of the fields, of the panels where a field has none, and what is off. */
  show(values, panels, catalog) {
    for (const [key, { setting, field, input, output, reset, reason }] of this.#fields) {
      const own = values[key];
      const off = WHY_OFF[key]?.(panels, catalog) ?? "";
      const changed = own !== undefined;
      const drawn = setting.standard ?? DRAWN[key](panels, catalog);
      const shown = changed ? own : drawn;
      input.disabled = Boolean(off);
      if (shown !== null) input.value = shown;
      const text = shown === null ? "drawn" : `${shown}${setting.unit}`;
      output.textContent = off ? "" : text;
      input.setAttribute("aria-valuetext", text);
      reset.hidden = !changed;
      reason.textContent = off || (changed ? "" : (NOTES[key]?.(panels) ?? ""));
      field.classList.toggle("off", Boolean(off));
      field.classList.toggle("changed", changed && !off);
    }
  }

  /** Mark the field that was refused, if it is one of these. */
  mark(argument) {
    for (const [key, { field, input }] of this.#fields) {
      const wrong = argument === key;
      field.classList.toggle("wrong", wrong);
      input.setAttribute("aria-invalid", String(wrong));
    }
  }
}

const has = (panels, kind) =>
  panels.some((panel) => panel.modifiers.some((label) => label.startsWith(kind)));
const names = (panels) => [...new Set(panels.map((panel) => panel.base))].join(" and ");
const knows = (panels, catalog, what) =>
  panels.some((panel) => catalog.tasks.find((task) => task.name === panel.base)?.[what]);

const WHY_OFF = {
  interval: (panels) =>
    panels.some((panel) => panel.interval) ? "" : `${names(panels)}: no interval to time.`,
  int_velocity: (panels) => (has(panels, "Int") ? "" : "Needs the modifier Int."),
  seq_velocity: (panels) => (has(panels, "Seq") ? "" : "Needs the modifier Seq."),
  coherence: (panels, catalog) =>
    knows(panels, catalog, "coherence") ? "" : `${names(panels)}: no coherence. DM tasks have one.`,
  noise: (panels) =>
    panels.some((panel) => panel.noisy) ? "" : `${names(panels)}: inputs carry no noise.`,
};

const DRAWN = {
  interval: (panels) => {
    const timed = panels.find((panel) => panel.interval);
    return timed ? timed.trial.period_ms[timed.interval] : null;
  },
  coherence: (panels, catalog) => {
    const strengths = panels
      .filter((panel) => knows([panel], catalog, "coherence"))
      .map((panel) => panel.trial.stimuli.map((stimulus) => stimulus.strength))[0];
    return strengths ? Math.round(100 * Math.abs(strengths[0] - strengths[1])) / 100 : null;
  },
};

const NOTES = {
  interval: (panels) => {
    const which = [...new Set(panels.map((panel) => panel.interval).filter(Boolean))].join(", ");
    return has(panels, "Int") ? `The ${which}, drawn for each trial.` : `The ${which}.`;
  },
  coherence: () => "Drawn for each trial.",
};
