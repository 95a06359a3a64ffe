// An answer of the endpoint: asked for, stopped, read as far as a page can show it.
export interface Term {
  type: "uri" | "literal" | "bnode" | "typed-literal";
  value: string;
  datatype?: string;
  "xml:lang"?: string;
}
export type Row = Record<string, Term | undefined>;
export interface Solutions {
  head: { vars: string[] };
  results: { bindings: Row[] };
}
export interface Problem {
  title: string;
  detail: string;
  line?: number;
  column?: number;
  hint?: string;
  parameter?: string;
}
export type Answer =
  | { kind: "rows"; columns: string[]; rows: Row[]; cut: boolean }
  | { kind: "truth"; truth: boolean }
  | { kind: "graph"; text: string; cut: boolean };

/** An answer that is not one: what the server says about it. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

const MOST = 8_000_000; // characters a page reads; the downloads have the rest
const ACCEPT = "application/sparql-results+json, text/turtle;q=0.9";

export function solutions(told: Solutions, cut = false): Answer {
  return { kind: "rows", columns: told.head.vars, rows: told.results.bindings, cut };
}

/** Ask; stopping it closes the connection, at which the server stops working on the query. */
export async function ask(address: string, body: URLSearchParams, signal: AbortSignal): Promise<{ answer: Answer; snapshot: number | undefined }> {
  const response = await fetch(address, { method: "POST", body, headers: { Accept: ACCEPT }, signal });
  if (!response.ok) {
    const problem = (await response.json().catch(() => undefined)) as Problem | undefined;
    throw new Refused(problem ?? { title: response.statusText, detail: `${response.status}` });
  }
  const snapshot = Number(response.headers.get("V4graph-Snapshot")) || undefined;
  const { text, cut } = await read(response);
  if (response.headers.get("Content-Type")?.startsWith("text/turtle")) return { answer: { kind: "graph", text, cut }, snapshot };
  const told = cut ? mended(text) : (JSON.parse(text) as Solutions | { boolean: boolean });
  return { answer: "boolean" in told ? { kind: "truth", truth: told.boolean } : solutions(told, cut), snapshot };
}

async function read(response: Response): Promise<{ text: string; cut: boolean }> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { text, cut: false };
    text += value;
    if (text.length > MOST) {
      void reader.cancel();
      return { text, cut: true };
    }
  }
}

/** The whole rows at the beginning of an answer that was not read to its end. */
function mended(text: string): Solutions {
  let end = text.length;
  for (;;) {
    end = text.lastIndexOf("}},{", end - 1);
    if (end < 0) throw new SyntaxError("no whole row");
    try {
      return JSON.parse(`${text.slice(0, end)}}}]}}`) as Solutions;
    } catch {
      // these characters stood in a literal
    }
  }
}
