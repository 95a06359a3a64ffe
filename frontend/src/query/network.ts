// Two columns of things as a network: d3-force puts them, SVG shows them. Arrow keys go from thing to thing.
import { drag } from "d3-drag";
import { forceCollide, forceLink, forceManyBody, forceSimulation, forceX, forceY, type SimulationLinkDatum, type SimulationNodeDatum } from "d3-force";
import { select } from "d3-selection";
import { zoom } from "d3-zoom";
import { number, say } from "../parts/words";
import type { Row } from "./answers";
import { called } from "./labels";
import { choice, make, place } from "./page";

export const MOST = 500;
const WIDTH = 960;
const HEIGHT = 620;
interface Thing extends SimulationNodeDatum {
  iri: string;
  degree: number;
}
type Link = SimulationLinkDatum<Thing> & { count: number };

export function network(rows: Row[], columns: string[]): HTMLElement {
  let [from, to] = [columns[0]!, columns[1]!];
  const figure = make("figure", { class: "drawn netting" });
  const draw = (): void => figure.replaceChildren(...picture(rows, from, to));
  draw();
  const options = columns.map((column): [string, string] => [column, column]);
  return make(
    "div",
    {},
    make("div", { class: "row choices" }, choice(say("from"), options, from, (chosen) => ((from = chosen), draw())), choice(say("to"), options, to, (chosen) => ((to = chosen), draw()))),
    figure,
  );
}

function picture(rows: Row[], from: string, to: string): Node[] {
  const things = new Map<string, Thing>();
  const links = new Map<string, Link>();
  for (const row of rows) {
    const [a, b] = [row[from], row[to]];
    if (a?.type !== "uri" || b?.type !== "uri" || a.value === b.value) continue;
    const [x, y] = [thing(things, a.value), thing(things, b.value)];
    const key = a.value < b.value ? `${a.value} ${b.value}` : `${b.value} ${a.value}`;
    const link = links.get(key) ?? { source: x, target: y, count: 0 };
    link.count++;
    links.set(key, link);
  }
  if (things.size > MOST) return [make("p", {}, say("network.many", { nodes: number(things.size), most: number(MOST) }))];
  for (const link of links.values()) {
    (link.source as Thing).degree++;
    (link.target as Thing).degree++;
  }
  const nodes = [...things.values()];
  const edges = [...links.values()];
  const simulation = forceSimulation(nodes)
    .force("link", forceLink<Thing, Link>(edges).distance(nodes.length > 120 ? 40 : 70).strength(0.5))
    .force("charge", forceManyBody().strength(nodes.length > 120 ? -70 : -200))
    .force("x", forceX(0).strength(0.06))
    .force("y", forceY(0).strength(0.09))
    .force("collide", forceCollide<Thing>((node) => radius(node) + 3))
    .stop();
  simulation.tick(220);
  const svg = select<SVGSVGElement, undefined>(document.createElementNS("http://www.w3.org/2000/svg", "svg"))
    .attr("viewBox", box(nodes))
    .attr("class", "network")
    .attr("role", "group")
    .attr("aria-label", say("network.told", { nodes: number(nodes.length), edges: number(edges.length) }));
  const all = svg.append("g");
  const lines = all.append("g").attr("class", "edges").selectAll("line").data(edges).join("line").attr("stroke-width", (edge) => 1 + Math.min(4, edge.count - 1));
  const loud = new Set([...nodes].sort((a, b) => b.degree - a.degree).slice(0, 40));
  const marks = all.append("g").selectAll<SVGAElement, Thing>("a").data(nodes).join<SVGAElement>("a").attr("tabindex", (_, at) => (at === 0 ? 0 : -1));
  marks.attr("href", (node) => place(node.iri) ?? null);
  marks.append("circle").attr("r", radius);
  marks.append("text").attr("class", (node) => (loud.has(node) ? "short" : "still")).attr("x", (node) => radius(node) + 4).attr("dy", ".32em").text((node) => called(node.iri).text);
  // long names are cut, all of them is there for who listens or points
  marks.selectAll<SVGTextElement, Thing>("text.short").each(function (node) {
    const [begin, end] = parts(called(node.iri).text);
    this.textContent = begin;
    if (end) select(this).append("tspan").attr("class", "rest").text(end);
  });
  const move = (): void => {
    lines.attr("x1", (e) => (e.source as Thing).x!).attr("y1", (e) => (e.source as Thing).y!).attr("x2", (e) => (e.target as Thing).x!).attr("y2", (e) => (e.target as Thing).y!);
    marks.attr("transform", (node) => `translate(${node.x!.toFixed(1)} ${node.y!.toFixed(1)})`);
  };
  move();
  marks.call(
    drag<SVGAElement, Thing>()
      .on("drag", (event: { x: number; y: number }, node) => {
        [node.x, node.y] = [event.x, event.y];
        move();
      }),
  );
  marks.on("keydown", (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const elements = marks.nodes();
    const here = elements.indexOf(event.currentTarget as SVGAElement);
    const next = elements[(here + step + elements.length) % elements.length]!;
    elements[here]!.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
  });
  // the wheel scrolls the page; with Ctrl, or by pinching, it zooms
  svg.call(
    zoom<SVGSVGElement, undefined>()
      .scaleExtent([0.5, 8])
      .filter((event: MouseEvent) => (event.type === "wheel" ? event.ctrlKey || event.metaKey : !event.button))
      .on("zoom", (event: { transform: { toString(): string } }) => all.attr("transform", event.transform.toString())),
  );
  return [svg.node()!, make("figcaption", { class: "small dim" }, say("network.told", { nodes: number(nodes.length), edges: number(edges.length) }))];
}

function thing(things: Map<string, Thing>, iri: string): Thing {
  const found = things.get(iri) ?? { iri, degree: 0 };
  things.set(iri, found);
  return found;
}

function radius(node: Thing): number {
  return 5 + Math.min(11, Math.sqrt(node.degree) * 1.6);
}

function box(nodes: Thing[]): string {
  const xs = nodes.map((node) => node.x!);
  const ys = nodes.map((node) => node.y!);
  const [left, top, right, bottom] = [Math.min(...xs) - 30, Math.min(...ys) - 30, Math.max(...xs) + 150, Math.max(...ys) + 30];
  const width = Math.max(right - left, WIDTH / 2);
  return `${left} ${top} ${width} ${Math.max(bottom - top, (width * HEIGHT) / WIDTH / 1.6)}`;
}

/** A name as far as it is drawn, and the rest of it. */
function parts(text: string): [string, string] {
  if (text.length <= 30) return [text, ""];
  const space = text.lastIndexOf(" ", 28);
  const at = space > 12 ? space : 28;
  return [text.slice(0, at), text.slice(at)];
}
