// Queries asked before, kept in this browser alone.
import { language } from "../parts/words";
import { make } from "./page";

const KEY = "v4graph.queries";
const MOST = 30;
const SHOWN = 8;
interface Kept {
  query: string;
  at: number;
}

function kept(): Kept[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(found) ? found.filter((one): one is Kept => typeof one?.query === "string" && typeof one?.at === "number") : [];
  } catch {
    return [];
  }
}

export function history(section: HTMLElement, choose: (query: string) => void): { add(query: string): void } {
  const list = section.querySelector("ol")!;
  const draw = (): void => {
    const all = kept();
    section.hidden = all.length === 0;
    list.replaceChildren(
      ...all.slice(0, SHOWN).map(({ query, at }) => {
        const button = make("button", { type: "button", title: query }, make("code", {}, gist(query)), " ", make("time", { datetime: new Date(at).toISOString(), class: "small dim" }, when(at)));
        button.addEventListener("click", () => choose(query));
        return make("li", {}, button);
      }),
    );
  };
  section.querySelector(":scope > button")!.addEventListener("click", () => {
    localStorage.removeItem(KEY);
    draw();
  });
  draw();
  return {
    add(query) {
      try {
        localStorage.setItem(KEY, JSON.stringify([{ query, at: Date.now() }, ...kept().filter((one) => one.query !== query)].slice(0, MOST)));
      } catch {
        return; // no room, or not allowed
      }
      draw();
    },
  };
}

/** A query without its prefixes and comments, in a line. */
function gist(query: string): string {
  return query.replace(/^\s*(PREFIX|BASE)\b.*$/gim, "").replace(/^\s*#.*$/gm, "").replace(/\s+/g, " ").trim().slice(0, 120);
}

function when(at: number): string {
  return new Date(at).toLocaleString(language() === "en" ? "en-GB" : language(), { dateStyle: "short", timeStyle: "short" });
}
