// The timeline page: the form answers without leaving the page. Where the drawing is wider than its box, its end shows.
import { live } from "./parts/results";

const form = document.querySelector<HTMLFormElement>("form[data-live]");
const turn = (): void => {
  const frame = document.querySelector<HTMLElement>(".time-frame");
  const first = frame?.querySelector<SVGTextElement>("text.name");
  if (!frame || !first) return;
  const scale = (frame.querySelector("svg")?.clientWidth ?? 0) / (frame.querySelector("svg")?.viewBox.baseVal.width ?? 1);
  frame.scrollLeft = Math.max(0, Number(first.getAttribute("x")) * scale - 24);
};
turn();
if (form) live(form, { replace: "#shown", after: turn });
