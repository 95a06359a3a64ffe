// What may be written next: prefixes, classes and properties with the words and counts of the graph, variables, keywords.
import { type Completion, type CompletionContext, type CompletionResult, pickedCompletion } from "@codemirror/autocomplete";
import type { EditorView } from "@codemirror/view";
import { number, say } from "../parts/words";
import { given, make } from "./page";

interface Named {
  name: string;
  iri: string;
  count: number;
  label?: string;
  comment?: string;
}
interface Schema {
  prefixes: Record<string, string>;
  classes: Named[];
  properties: Named[];
}

const MOST = 60;
const KEYWORDS = (
  "SELECT DISTINCT CONSTRUCT DESCRIBE ASK FROM NAMED WHERE OPTIONAL UNION MINUS FILTER EXISTS NOT BIND VALUES GRAPH SERVICE " +
  "PREFIX BASE GROUP ORDER BY ASC DESC HAVING LIMIT OFFSET UNDEF AS COUNT SUM AVG MIN MAX SAMPLE GROUP_CONCAT SEPARATOR STR LANG LANGMATCHES " +
  "DATATYPE BOUND IRI IF COALESCE IN CONTAINS STRSTARTS STRENDS STRLEN SUBSTR REPLACE REGEX LCASE UCASE CONCAT YEAR MONTH DAY ABS ROUND isIRI isLiteral STRDT STRLANG"
).split(" ");

let loading: Promise<Schema> | undefined;

/** The words of the graph, asked for once. */
export function schema(): Promise<Schema> {
  loading ??= fetch(given.schema, { headers: { Accept: "application/json" } }).then((response) => {
    if (!response.ok) throw new Error(String(response.status));
    return response.json() as Promise<Schema>;
  });
  loading.catch(() => (loading = undefined));
  return loading;
}

export async function complete(context: CompletionContext): Promise<CompletionResult | null> {
  const word = context.matchBefore(/[?$]?[\p{L}\d_-]*:?[\p{L}\d_-]*/u);
  if (!word || (word.from === word.to && !context.explicit)) return null;
  const before = context.state.sliceDoc(Math.max(0, word.from - 60), word.from);
  if (/<[^<>\s]*$|"[^"\n]*$|#[^\n]*$/.test(context.state.sliceDoc(context.state.doc.lineAt(word.from).from, word.from))) return null;
  if (/^[?$]/.test(word.text)) return { from: word.from, options: variables(context.state.doc.toString(), word.text), validFor: /^[?$]\w*$/ };
  const known = await schema().catch((): Schema => ({ prefixes: {}, classes: [], properties: [] }));
  if (/\bPREFIX\s+$/i.test(before)) return { from: word.from, options: declared(known.prefixes, word.text), filter: false };
  const typed = fold(word.text);
  const isClass = /(?:\ba|rdf:type)\s+$/.test(before);
  const options = [
    ...found(known.classes, "class", typed, isClass ? 3 : 0),
    ...found(known.properties, "property", typed, isClass ? 0 : 1),
    ...(word.text.includes(":") || !word.text ? [] : keywords(typed)),
    ...(word.text.includes(":") ? [] : prefixes(known.prefixes, typed)),
  ];
  options.sort((a, b) => (b.boost ?? 0) - (a.boost ?? 0));
  return options.length ? { from: word.from, options: options.slice(0, MOST), filter: false } : null;
}

function found(terms: Named[], kind: "class" | "property", typed: string, boost: number): Completion[] {
  return terms.flatMap((term) => {
    const rank = fit(term, typed);
    if (rank === 0) return [];
    const used = Math.log10(1 + term.count) / 10;
    return [{ label: term.name, detail: term.label ?? "", type: kind, boost: rank + boost + used, info: () => about(term, kind), apply: insert(term.name) }];
  });
}

/** How well a term fits what was typed: its name, the end of its name, its label. */
function fit(term: Named, typed: string): number {
  if (!typed) return 1;
  const name = fold(term.name);
  const local = name.slice(name.indexOf(":") + 1);
  const label = fold(term.label ?? "");
  if (name.startsWith(typed) || local.startsWith(typed)) return 6;
  if (label.startsWith(typed)) return 5;
  if (label.includes(` ${typed}`)) return 3;
  return typed.length > 2 && (name.includes(typed) || label.includes(typed)) ? 2 : 0;
}

function about(term: Named, kind: "class" | "property"): HTMLElement {
  return make(
    "div",
    { class: "about-term" },
    make("strong", {}, term.label ?? term.name),
    make("p", { class: "small dim" }, `${say(kind)} · ${kind === "class" ? say("things", { count: number(term.count) }) : number(term.count)}`),
    term.comment ? make("p", {}, term.comment) : "",
  );
}

function variables(text: string, typed: string): Completion[] {
  const names = new Set(text.match(/[?$][\p{L}\d_]+/gu) ?? []);
  names.delete(typed);
  return [...names].sort().map((name) => ({ label: name, type: "variable", detail: say("variable") }));
}

function keywords(typed: string): Completion[] {
  return KEYWORDS.flatMap((word) => (fold(word).startsWith(typed) ? [{ label: word, type: "keyword", boost: 5.5 }] : []));
}

function prefixes(all: Record<string, string>, typed: string): Completion[] {
  return Object.entries(all).flatMap(([name, space]) => (typed && name.startsWith(typed) ? [{ label: `${name}:`, detail: space, type: "namespace", boost: 5.2, apply: insert(`${name}:`) }] : []));
}

function declared(all: Record<string, string>, typed: string): Completion[] {
  return Object.entries(all).flatMap(([name, space]) => (name.startsWith(typed.replace(/:$/, "")) ? [{ label: `${name}: <${space}>`, type: "namespace" }] : []));
}

/** Write a prefixed name, and declare its prefix when the query has not. */
function insert(name: string): (view: EditorView, completion: Completion, from: number, to: number) => void {
  return (view, completion, from, to) => {
    const prefix = name.slice(0, name.indexOf(":"));
    void schema().then(({ prefixes: all }) => {
      const text = view.state.doc.toString();
      const space = all[prefix];
      const missing = space && !new RegExp(`\\bPREFIX\\s+${prefix}:`, "i").test(text);
      const line = missing ? `PREFIX ${prefix}: <${space}>\n` : "";
      view.dispatch({
        changes: [...(line ? [{ from: 0, insert: line }] : []), { from, to, insert: name }],
        selection: { anchor: from + line.length + name.length },
        annotations: pickedCompletion.of(completion),
        userEvent: "input.complete",
      });
    });
  };
}

function fold(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}
