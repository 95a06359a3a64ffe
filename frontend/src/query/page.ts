// What the template gives to the scripts of the page, and small things that several of them need.
import type { Problem } from "./answers";

export interface Given {
  endpoint: string;
  base: string;
  here: string;
  root: string;
  snapshot: number | null;
  created: string | null;
  milliseconds: number | null;
  asked: boolean;
  problem: Problem | null;
  boolean: boolean | null;
  maplibre: string;
  mapstyle: string;
  atlas: string;
  schema: string;
  labels: string;
  library: string;
}

export function data<T>(id: string): T | undefined {
  const text = document.getElementById(id)?.textContent;
  return text ? (JSON.parse(text) as T) : undefined;
}

export const given = data<Given>("page-data")!;

type Child = Node | string | undefined | false;

/** An element with attributes and children. */
export function make<K extends keyof HTMLElementTagNameMap>(name: K, attributes: Record<string, string | boolean> = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== false) made.setAttribute(key, value === true ? "" : value);
  made.append(...children.filter((child): child is Node | string => Boolean(child)));
  return made;
}

/** An address below the root of the portal, in the language and of the moment asked for. */
export function address(path: string, parameters: Record<string, string> = {}): string {
  const made = new URL(path, new URL(given.root, location.href));
  const here = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(parameters)) made.searchParams.set(name, value);
  for (const name of ["lang", "at", "snapshot"]) if (here.has(name)) made.searchParams.set(name, here.get(name)!);
  return made.href;
}

/** Where a thing is told: its page here, or its own address when that is on the web. */
export function place(iri: string): string | undefined {
  if (iri.startsWith(given.base)) return address(encodeURI(decodeURI(iri.slice(given.base.length))).replace(/^id\//, ""));
  return /^https?:\/\/[^\s<>"]+$/.test(iri) ? iri : undefined;
}

/** A select with a label; calls back with what is chosen. */
export function choice(label: string, options: [value: string, text: string][], chosen: string, change: (value: string) => void): HTMLElement {
  const select = make("select");
  for (const [value, text] of options) select.append(make("option", { value, selected: value === chosen }, text));
  select.addEventListener("change", () => change(select.value));
  return make("label", { class: "choice" }, make("span", {}, label), select);
}
