// Turtle with its parts told apart by colour; names of prefixes and things are links where they lead somewhere.
import { make, place } from "./page";

const PARTS = /(#[^\n]*)|(<[^<>"{}|^`\\\s]*>)|("""[\s\S]*?"""|"(?:[^"\\\n]|\\.)*")|(@prefix\b|@base\b|\ba\b(?=\s))|(@[a-zA-Z-]+)|([\w-]*:[\w.%-]*\w|[\w-]+:)|([+-]?\d+(?:\.\d+)?)/g;
const NAMES = ["comment", "url", "string", "keyword", "meta", "propertyName", "number"];
const MOST = 200_000; // characters that are coloured; what follows is plain

export function turtle(text: string): HTMLElement {
  const code = make("code");
  const coloured = text.slice(0, MOST);
  let at = 0;
  for (const found of coloured.matchAll(PARTS)) {
    code.append(coloured.slice(at, found.index));
    const kind = NAMES[found.slice(1).findIndex((part) => part !== undefined)]!;
    const href = kind === "url" ? place(found[0].slice(1, -1)) : undefined;
    code.append(href ? make("a", { class: "tok-url", href }, found[0]) : make("span", { class: `tok-${kind}` }, found[0]));
    at = found.index + found[0].length;
  }
  code.append(text.slice(at));
  return make("pre", { class: "raw", tabindex: "0" }, code);
}
