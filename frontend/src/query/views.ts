// Which ways to look at an answer fit it. What is heavy is loaded when it is chosen.
import { say } from "../parts/words";
import type { Answer, Row } from "./answers";
import { amount, learn } from "./labels";
import { given, make } from "./page";
import { table } from "./table";

export interface Places {
  columns: string[];
  wkt?: string;
  latitude?: string;
  longitude?: string;
}

const FIRST = 50; // rows whose things are named before anything is shown
const POINT = /^\s*(?:<[^>]*>\s*)?POINT\s*\(\s*(-?[\d.]+)\s+(-?[\d.]+)/i;

/** The longitude and latitude of a row. */
export function spot(row: Row, places: Places): [number, number] | undefined {
  if (places.wkt) {
    const found = POINT.exec(row[places.wkt]?.value ?? "");
    return found ? [Number(found[1]), Number(found[2])] : undefined;
  }
  const [x, y] = [Number(row[places.longitude!]?.value ?? NaN), Number(row[places.latitude!]?.value ?? NaN)];
  return Math.abs(x) <= 180 && Math.abs(y) <= 90 ? [x, y] : undefined;
}

function places(columns: string[], rows: Row[]): Places | undefined {
  const wkt = columns.find((column) => rows.some((row) => row[column]?.datatype?.endsWith("wktLiteral") && POINT.test(row[column].value)));
  if (wkt) return { columns: [wkt], wkt };
  const latitude = columns.find((column) => /^(lat|latitude)/i.test(column));
  const longitude = columns.find((column) => /^(lon|lng|long|longitude)/i.test(column));
  const found = latitude && longitude ? { columns: [latitude, longitude], latitude, longitude } : undefined;
  return found && rows.some((row) => spot(row, found)) ? found : undefined;
}

type Drawing = () => HTMLElement | Promise<HTMLElement>;

function drawings(answer: Extract<Answer, { kind: "rows" }>): Map<string, Drawing> {
  const { columns, rows } = answer;
  const found = new Map<string, Drawing>([["table", () => table(columns, rows)]]);
  const where = places(columns, rows);
  /** What draws, once all things have their names. */
  const all = async <T>(module: Promise<T>): Promise<T> => (await Promise.all([module, learn(rows)]))[0];
  const numbers = columns.filter((column) => !where?.columns.includes(column) && rows.some((row) => row[column]) && rows.every((row) => !row[column] || amount(row[column]) !== undefined));
  const things = columns.filter((column) => rows.some((row) => row[column]?.type === "uri"));
  if (numbers.length > 0 && columns.length > 1 && rows.length > 1) found.set("chart", async () => (await all(import("./chart"))).chart(columns, rows, numbers));
  if (where) found.set("map", async () => (await all(import("./map"))).map(columns, rows, where));
  if (things.length > 1 && rows.length > 1) found.set("network", async () => (await all(import("./network"))).network(rows, things));
  found.set("raw", () => make("pre", { class: "raw", tabindex: "0" }, make("code", {}, JSON.stringify({ head: { vars: columns }, results: { bindings: rows.slice(0, 2000) } }, null, 1))));
  return found;
}

/** The answer in the page; names of things are learned first. */
export async function show(answer: Answer, under: HTMLElement, count: string): Promise<void> {
  const heading = make("h2", { id: "answer" }, `${say("answer")} `, count && make("span", { class: "count" }, count));
  const section = make("section", { class: "answer", "aria-labelledby": "answer" }, heading);
  if (answer.kind === "truth") section.append(make("p", { class: "lede truth" }, say(answer.truth ? "yes" : "no")));
  else if (answer.kind === "graph") {
    const { turtle } = await import("./turtle");
    section.append(turtle(answer.text));
  } else if (answer.rows.length === 0) section.append(make("p", {}, say("none")));
  else {
    if (answer.cut) section.append(make("p", { class: "told" }, say("cut", { count: answer.rows.length })));
    await learn(answer.rows.slice(0, FIRST));
    section.append(...tabs(drawings(answer)));
  }
  under.replaceChildren(section);
}

/** Tabs as the ARIA Authoring Practices have them: arrow keys choose. */
function tabs(views: Map<string, Drawing>): HTMLElement[] {
  const list = make("div", { class: "tabs", role: "tablist", "aria-label": say("views") });
  const panel = make("div", { role: "tabpanel", id: "view", class: "view" });
  const buttons = [...views.keys()].map((name) => make("button", { type: "button", role: "tab", id: `view-${name}`, "aria-controls": "view" }, say(name)));
  let wanted = "";
  const choose = async (at: number, focus: boolean): Promise<void> => {
    const name = [...views.keys()][at]!;
    wanted = name;
    buttons.forEach((button, place) => {
      button.setAttribute("aria-selected", String(place === at));
      button.tabIndex = place === at ? 0 : -1;
    });
    panel.setAttribute("aria-labelledby", `view-${name}`);
    if (focus) buttons[at]!.focus();
    const timer = setTimeout(() => panel.replaceChildren(make("p", { class: "dim" }, say("loading"))), 150);
    const drawn = await views.get(name)!();
    clearTimeout(timer);
    if (wanted === name) panel.replaceChildren(drawn);
  };
  buttons.forEach((button, at) => {
    button.addEventListener("click", () => void choose(at, false));
    button.addEventListener("keydown", (event) => {
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      void choose((to + buttons.length) % buttons.length, true);
    });
  });
  list.append(...buttons);
  void choose(0, false);
  return [list, panel];
}

/** An answer that the page came with. */
export function given_truth(): Answer | undefined {
  return typeof given.boolean === "boolean" ? { kind: "truth", truth: given.boolean } : undefined;
}
