// Rows as a chart, drawn with Plot; the sentence of its label tells the numbers.
import { barX, dot, gridX, gridY, line, plot, ruleX } from "@observablehq/plot";
import { language, number, say } from "../parts/words";
import type { Row } from "./answers";
import { amount, shown } from "./labels";
import { choice, make } from "./page";

const MOST = { bars: 40, line: 5000, dots: 5000 };
type Kind = keyof typeof MOST;
interface Point {
  x: string | number | Date;
  value: number;
  label: string;
}

export function chart(columns: string[], rows: Row[], numbers: string[]): HTMLElement {
  const others = columns.filter((column) => !numbers.includes(column));
  const years = rows.every((row) => columns.some((column) => /date|year|gYear/i.test(row[column]?.datatype ?? "")));
  let value = numbers.at(-1)!;
  const distinct = (column: string): number => new Set(rows.map((row) => row[column]?.value)).size;
  // names before things, then what tells most rows apart
  let across = [...others].sort((a, b) => distinct(b) - distinct(a) || others.indexOf(a) - others.indexOf(b))[0] ?? numbers[0]!;
  let kind: Kind = years && rows.length > 2 ? "line" : numbers.length > 1 && others.length === 0 ? "dots" : "bars";
  if (years) across = columns.find((column) => column !== value && rows.every((row) => /date|year/i.test(row[column]?.datatype ?? ""))) ?? across;
  const figure = make("figure", { class: "drawn" });
  const note = make("p", { class: "small dim" });
  const draw = (): void => {
    const some = kind === "bars" ? rows : rows.slice(0, MOST[kind]);
    const points = some.flatMap((row): Point[] => {
      const found = amount(row[value]);
      return found === undefined ? [] : [{ x: coordinate(row, across), value: found, label: shown(row[across]) }];
    });
    const names = kind === "bars" ? new Set(points.map((point) => point.label)).size : points.length;
    note.textContent = [
      kind === "bars" && names < points.length ? say("chart.summed") : "",
      rows.length > some.length || (kind === "bars" && names > MOST.bars) ? say("chart.cut", { count: number(MOST[kind]) }) : "",
    ].join(" ");
    figure.replaceChildren(picture(kind, points, across, value), note);
  };
  draw();
  const kinds: [string, string][] = [["bars", say("bars")], ["line", say("line")], ["dots", say("dots")]];
  return make(
    "div",
    {},
    make(
      "div",
      { class: "row choices" },
      choice(say("kind"), kinds, kind, (chosen) => ((kind = chosen as Kind), draw())),
      choice(say("across"), columns.filter((c) => c !== value || columns.length === 1).map((c) => [c, c]), across, (chosen) => ((across = chosen), draw())),
      choice(say("value"), numbers.map((c) => [c, c]), value, (chosen) => ((value = chosen), draw())),
    ),
    figure,
  );
}

/** One bar for each name: what has the same name is added up. */
function summed(points: Point[]): Point[] {
  const found = new Map<string, Point>();
  for (const point of points) {
    const before = found.get(point.label);
    if (before) before.value += point.value;
    else found.set(point.label, { ...point });
  }
  return [...found.values()];
}

function coordinate(row: Row, column: string): string | number | Date {
  const term = row[column];
  const found = amount(term);
  if (found !== undefined) return found;
  if (term?.datatype && /#(date|dateTime|gYearMonth)$/.test(term.datatype)) {
    const date = new Date(term.value);
    if (!Number.isNaN(date.getTime())) return date;
  }
  return shown(term);
}

function picture(kind: Kind, points: Point[], across: string, value: string): Element {
  const width = Math.max(320, Math.min(960, (document.getElementById("results")?.clientWidth ?? 700) - 8));
  const locale = language() === "en" ? "en-GB" : language();
  const tickFormat = (x: unknown): string => (x instanceof Date ? x.toLocaleDateString(locale, { year: "numeric", month: "short" }) : typeof x === "number" ? (x > 1500 && x < 2200 && Number.isInteger(x) ? String(x) : x.toLocaleString(locale)) : String(x));
  const common = { width, className: "plot", style: { background: "none", fontSize: "13px" }, marginRight: 48 };
  let drawn: Element;
  if (kind === "bars") {
    const sums = summed(points);
    const bars = sums.slice(0, MOST.bars);
    const longest = Math.max(0, ...bars.map((bar) => Math.min(bar.label.length, 40)));
    drawn = plot({
      ...common,
      marginLeft: Math.min(width * 0.45, 24 + longest * 6.6),
      height: 60 + bars.length * 26,
      x: { label: value, tickFormat, labelAnchor: "right" },
      y: { label: null, domain: bars.map((bar) => bar.label), tickFormat: (name: string) => (name.length > 40 ? `${name.slice(0, 39)}…` : name) },
      marks: [gridX(), barX(bars, { x: "value", y: "label", fill: "var(--accent)", title: (bar: Point) => `${bar.label}: ${bar.value.toLocaleString(locale)}` }), ruleX([0])],
    });
  } else {
    const sorted = kind === "line" ? [...points].sort((a, b) => (a.x < b.x ? -1 : a.x > b.x ? 1 : 0)) : points;
    const title = (point: Point): string => `${point.label}: ${point.value.toLocaleString(locale)}`;
    drawn = plot({
      ...common,
      height: 380,
      marginLeft: 64,
      marginBottom: 44,
      x: { label: across, tickFormat },
      y: { label: value, tickFormat, nice: true },
      marks: [
        gridY(),
        ...(kind === "line" ? [line(sorted, { x: "x", y: "value", stroke: "var(--accent)", strokeWidth: 2 })] : []),
        dot(sorted, { x: "x", y: "value", fill: "var(--accent)", r: 3.5, title }),
      ],
    });
  }
  // Plot brings a style element, which only a nonce would allow; ours are in query.css
  for (const part of drawn.querySelectorAll("style")) part.remove();
  // Plot names plain groups, which have no role; the drawing as a whole is named instead
  for (const part of drawn.querySelectorAll("[aria-label]")) part.removeAttribute("aria-label");
  const values = points.map((point) => point.value);
  drawn.setAttribute("role", "img");
  drawn.setAttribute(
    "aria-label",
    say("chart.told", { value, across, count: number(values.length), least: number(values.length ? Math.min(...values) : 0), most: number(values.length ? Math.max(...values) : 0) }),
  );
  return drawn;
}
