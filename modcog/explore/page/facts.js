// A trial in words.

import { degrees, make } from "./common.js";

/** What was drawn for a trial, as list items, each with the colour of its direction. */
export function facts(panel, soft) {
  const { stimuli, responds, response, period_ms } = panel.trial;
  const { dim_ring: n, drift } = panel;
  const fact = (text, color) => {
    const dot = make("i", { ariaHidden: "true" });
    if (color) dot.style.background = color;
    return make("li", {}, ...(color ? [dot] : []), text);
  };
  const listed = stimuli.map(({ period, ring, location, strength }) => {
    const much = strength === 1 ? "" : `, strength ${Math.round(100 * strength) / 100}`;
    const text = `${period} ${degrees((location * 360) / n)} on ring ${ring + 1}${much}`;
    return fact(text, panel.colors[location]);
  });
  if (panel.interval) listed.push(fact(`${panel.interval} ${period_ms[panel.interval]} ms`));
  if (!responds) return [...listed, fact("no response is correct: keep fixating", soft)];
  const then = drift ? `, which then ${drift}` : "";
  return [...listed, fact(`answer ${degrees((response * 360) / n)}${then}`, panel.colors[response])];
}

/** The same as a sentence. */
export function told(panel) {
  return `${panel.name}: ${facts(panel).map((item) => item.textContent).join("; ")}.`;
}
