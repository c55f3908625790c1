// The two rings of inputs and the target at one moment, seen from above: angles run as
// modcog.ring.SIDES says, with direction 0 at three o'clock, as in all figures of this project.

import { sized } from "./common.js";

const TAU = 2 * Math.PI;

/**
 * Draw the moment.
 *
 * moment: { n, colors, rings: [[...n], [...n]], fixation, target, trail }; `target` is 0 (fixate) or
 * 1 + direction, `trail` the earlier targets of the decision, oldest first.
 */
export function drawRing(canvas, moment, look) {
  const size = canvas.clientWidth;
  if (!size) return;
  const g = sized(canvas, size, size);
  g.translate(size / 2, size / 2);
  const outer = size / 2 - 46;
  frame(g, outer, look);
  bars(g, moment, 0, 0.66 * outer, 0.34 * outer, look);
  bars(g, moment, 1, 0.3 * outer, 0.26 * outer, look);
  label(g, "ring 1", 0.66 * outer - 8, look);
  label(g, "ring 2", 0.3 * outer - 8, look);
  fixation(g, moment, 0.07 * outer, look);
  if (moment.trail) targets(g, moment, outer + 14, look);
}

/** A word below the centre, readable on bars as well. */
function label(g, text, y, look) {
  g.font = look.font(11);
  g.textAlign = "center";
  g.lineJoin = "round";
  g.lineWidth = 3;
  g.strokeStyle = look.paper;
  g.strokeText(text, 0, y);
  g.fillStyle = look.soft;
  g.fillText(text, 0, y);
}

function frame(g, outer, look) {
  g.font = look.font(12);
  g.fillStyle = look.soft;
  g.textAlign = "center";
  g.textBaseline = "middle";
  for (const angle of [0, 90, 180, 270]) {
    const [x, y] = point(outer + 31, (angle / 360) * TAU);
    g.fillText(`${angle}°`, x, y);
  }
  g.strokeStyle = look.line;
  g.lineWidth = 1;
  circle(g, 0, 0, outer + 14);
  g.stroke();
}

function bars(g, { n, colors, rings }, ring, base, height, look) {
  g.strokeStyle = look.grid;
  g.lineWidth = 1;
  circle(g, 0, 0, base);
  g.stroke();
  const half = (0.36 * TAU) / n;
  for (let k = 0; k < n; k += 1) {
    const value = Math.min(1.25, Math.max(-0.35, rings[ring][k])) * height;
    if (Math.abs(value) < 0.5) continue;
    const angle = -(k / n) * TAU;
    g.fillStyle = colors[k];
    g.globalAlpha = value < 0 ? 0.35 : 1;
    g.beginPath();
    g.arc(0, 0, base, angle - half, angle + half);
    g.arc(0, 0, base + value, angle + half, angle - half, true);
    g.closePath();
    g.fill();
  }
  g.globalAlpha = 1;
}

function fixation(g, moment, r, look) {
  g.strokeStyle = moment.fixation > 0.5 ? look.ink : look.line;
  g.lineWidth = 2.5;
  g.beginPath();
  g.moveTo(-r, 0);
  g.lineTo(r, 0);
  g.moveTo(0, -r);
  g.lineTo(0, r);
  g.stroke();
}

function targets(g, { n, colors, target, trail }, r, look) {
  trail.forEach((label, age) => {
    if (!label || label === target) return;
    g.globalAlpha = 0.15 + (0.45 * age) / trail.length;
    g.fillStyle = colors[label - 1];
    circle(g, ...point(r, ((label - 1) / n) * TAU), 4.5);
    g.fill();
  });
  g.globalAlpha = 1;
  if (!target) return;
  const angle = ((target - 1) / n) * TAU;
  g.strokeStyle = colors[target - 1];
  g.lineWidth = 1.5;
  g.beginPath();
  g.moveTo(...point(0.14 * r, angle));
  g.lineTo(...point(r, angle));
  g.stroke();
  g.fillStyle = colors[target - 1];
  g.strokeStyle = look.paper;
  g.lineWidth = 2;
  circle(g, ...point(r, angle), 9);
  g.fill();
  g.stroke();
}

function circle(g, x, y, r) {
  g.beginPath();
  g.arc(x, y, r, 0, TAU);
}

function point(r, angle) {
  return [r * Math.cos(angle), -r * Math.sin(angle)];
}

/** The mark of the project: the directions in their colours. */
export function drawMark(canvas, colors) {
  const g = canvas.getContext("2d");
  const { width } = canvas;
  g.clearRect(0, 0, width, width);
  g.translate(width / 2, width / 2);
  colors.forEach((color, k) => {
    g.fillStyle = color;
    circle(g, ...point(0.4 * width, (k / colors.length) * TAU), 0.066 * width);
    g.fill();
  });
  g.setTransform(1, 0, 0, 1, 0, 0);
}
