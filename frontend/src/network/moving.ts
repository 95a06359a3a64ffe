// Makes the server's drawing of a network move: points can be dragged, the whole zoomed and moved, neighbours stand out,
// arrow keys go from point to point. Who wants no motion gets the places of the server and none of the settling.
import { drag } from "d3-drag";
import { forceCollide, forceLink, forceManyBody, forceSimulation, forceX, forceY, type SimulationNodeDatum } from "d3-force";
import { select } from "d3-selection";
import { zoom, zoomIdentity } from "d3-zoom";
import { control } from "./controls";

/** So many names are legible beside each other. */
const FEW = 16;

interface Point extends SimulationNodeDatum {
  x: number;
  y: number;
  homeX: number;
  homeY: number;
  radius: number;
  mark: SVGAElement;
}
interface Edge {
  source: Point;
  target: Point;
  line: SVGLineElement;
}

export function enliven(frame: HTMLElement): void {
  const drawing = frame.querySelector<SVGSVGElement>("svg.net");
  const all = drawing?.querySelector<SVGGElement>(".all");
  if (!drawing || !all) return;
  const points = new Map<string, Point>();
  for (const mark of [...drawing.querySelectorAll<SVGAElement>(".points a")]) points.set(mark.dataset["n"] ?? "", point(mark));
  const pairs = (frame.dataset["links"] ?? "").split(" ").filter(Boolean);
  const lines = drawing.querySelectorAll<SVGLineElement>(".edges line");
  const edges: Edge[] = [];
  pairs.forEach((pair, at) => {
    const [one, other] = pair.split("-").map((end) => points.get(end));
    const line = lines[at];
    if (one && other && line) edges.push({ source: one, target: other, line });
  });
  const nodes = [...points.values()];

  drawing.removeAttribute("aria-hidden");
  drawing.setAttribute("role", "group");
  drawing.setAttribute("aria-label", frame.dataset["label"] ?? "");
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const place = (node: Point): void => {
    node.mark.setAttribute("transform", `translate(${node.x.toFixed(1)} ${node.y.toFixed(1)})`);
  };
  const draw = (): void => {
    for (const { source, target, line } of edges) {
      line.setAttribute("x1", source.x.toFixed(1));
      line.setAttribute("y1", source.y.toFixed(1));
      line.setAttribute("x2", target.x.toFixed(1));
      line.setAttribute("y2", target.y.toFixed(1));
    }
    nodes.forEach(place);
  };
  const simulation = forceSimulation(nodes)
    .force("home-x", forceX<Point>((node) => node.homeX).strength(0.18))
    .force("home-y", forceY<Point>((node) => node.homeY).strength(0.18))
    .force("link", forceLink<Point, { source: Point; target: Point }>(edges.map(({ source, target }) => ({ source, target }))).distance(70).strength(0.012))
    .force("charge", forceManyBody().strength(-14).distanceMax(120))
    .force("collide", forceCollide<Point>((node) => node.radius + 2.5))
    .on("tick", draw)
    .stop();

  select<SVGSVGElement, unknown>(drawing)
    .selectAll<SVGAElement, unknown>(".points a")
    .datum(function () {
      return points.get(this.dataset["n"] ?? "")!;
    })
    .call(
      drag<SVGAElement, Point>()
        .clickDistance(4)
        .container(() => all)
        .on("start", () => frame.classList.add("dragging"))
        .on("drag", (event: { x: number; y: number }, node) => {
          [node.x, node.y, node.fx, node.fy, node.homeX, node.homeY] = [event.x, event.y, event.x, event.y, event.x, event.y];
          if (still) draw();
          else simulation.alpha(Math.max(simulation.alpha(), 0.2)).restart();
        })
        .on("end", (_event, node) => {
          frame.classList.remove("dragging");
          node.fx = node.fy = null;
        }),
    );
  neighbours(frame, nodes, edges);
  keys(nodes);
  zooming(frame, drawing, all);
  if (frame.dataset["help"]) {
    const help = document.createElement("p");
    help.className = "small dim net-help";
    help.textContent = frame.dataset["help"];
    frame.after(help);
  }
}

function point(mark: SVGAElement): Point {
  const [x, y] = (/translate\((\S+) (\S+)\)/.exec(mark.getAttribute("transform") ?? "") ?? []).slice(1).map(Number);
  const radius = Number(mark.querySelector("circle")?.getAttribute("r") ?? 5);
  return { x: x ?? 0, y: y ?? 0, homeX: x ?? 0, homeY: y ?? 0, radius, mark };
}

/** Who is pointed at or focused stands out with everybody linked to it, in the drawing and in the table. */
function neighbours(frame: HTMLElement, nodes: Point[], edges: Edge[]): void {
  const rows = new Map(nodes.map((node) => [node, document.querySelector<HTMLElement>(`tr[data-n="${node.mark.dataset["n"]}"]`)]));
  const show = (chosen: Point | undefined): void => {
    frame.classList.toggle("choosing-one", Boolean(chosen));
    const lit = new Set<Point>(chosen ? [chosen] : []);
    for (const { source, target, line } of edges) {
      const on = chosen !== undefined && (source === chosen || target === chosen);
      line.classList.toggle("lit", on);
      if (on) lit.add(source).add(target);
    }
    frame.classList.toggle("few", lit.size <= FEW);
    for (const node of nodes) {
      node.mark.classList.toggle("lit", lit.has(node));
      node.mark.classList.toggle("chosen", node === chosen);
      rows.get(node)?.classList.toggle("lit", node === chosen);
    }
  };
  for (const node of nodes) {
    node.mark.addEventListener("pointerenter", () => show(node));
    node.mark.addEventListener("pointerleave", () => show(undefined));
    node.mark.addEventListener("focus", () => show(node));
    node.mark.addEventListener("blur", () => show(undefined));
    const row = rows.get(node);
    row?.addEventListener("pointerenter", () => show(node));
    row?.addEventListener("pointerleave", () => show(undefined));
  }
}

/** One point is in the order of Tab; arrow keys go from it to the nearest in their direction. */
function keys(nodes: Point[]): void {
  const ways: Record<string, [number, number]> = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
  nodes.at(-1)?.mark.setAttribute("tabindex", "0");
  for (const node of nodes) {
    node.mark.addEventListener("keydown", (event) => {
      const way = ways[event.key];
      if (!way) return;
      event.preventDefault();
      let best: Point | undefined;
      let least = Infinity;
      for (const other of nodes) {
        const [x, y] = [other.x - node.x, other.y - node.y];
        const along = x * way[0] + y * way[1];
        const across = Math.abs(x * way[1]) + Math.abs(y * way[0]);
        const cost = along + 2 * across;
        if (other !== node && along > 0 && cost < least) [best, least] = [other, cost];
      }
      if (!best) return;
      node.mark.setAttribute("tabindex", "-1");
      best.mark.setAttribute("tabindex", "0");
      best.mark.focus();
    });
  }
}

/** The wheel scrolls the page; with Ctrl, or by pinching, it zooms. Buttons do the same for everybody. */
function zooming(frame: HTMLElement, drawing: SVGSVGElement, all: SVGGElement): void {
  const found = select<SVGSVGElement, unknown>(drawing);
  const zooms = zoom<SVGSVGElement, unknown>()
    .scaleExtent([0.6, 8])
    .filter((event: MouseEvent & TouchEvent) => (event.type === "wheel" ? event.ctrlKey || event.metaKey : event.type === "touchstart" ? event.touches.length > 1 : !event.button))
    .on("zoom", (event: { transform: { k: number; toString(): string } }) => {
      all.setAttribute("transform", event.transform.toString());
      frame.classList.toggle("near", event.transform.k > 2.2);
    });
  found.call(zooms);
  found.on("dblclick.zoom", null);
  frame.append(
    control([
      ["+", frame.dataset["zoomIn"] ?? "+", () => found.call((on) => zooms.scaleBy(on, 1.5))],
      ["−", frame.dataset["zoomOut"] ?? "−", () => found.call((on) => zooms.scaleBy(on, 1 / 1.5))],
      ["⤢", frame.dataset["reset"] ?? "⤢", () => found.call((on) => zooms.transform(on, zoomIdentity))],
    ]),
  );
}
