// Names of the things in an answer, asked for once each; without a name a thing is told by the end of its IRI.
import type { Row, Term } from "./answers";
import { given } from "./page";

const AT_ONCE = 1000;
const MOST = 4000;
const known = new Map<string, [text: string, language: string]>();
const asked = new Set<string>();

/** Learn the names of the things in these rows. */
export async function learn(rows: Row[]): Promise<void> {
  const wanted = new Set<string>();
  for (const row of rows) {
    for (const term of Object.values(row)) {
      if (term?.type === "uri" && !asked.has(term.value)) wanted.add(term.value);
      if (wanted.size >= MOST) break;
    }
  }
  const things = [...wanted];
  for (let from = 0; from < things.length; from += AT_ONCE) {
    const some = things.slice(from, from + AT_ONCE);
    for (const iri of some) asked.add(iri);
    try {
      const target = new URL(given.labels, location.href);
      for (const name of ["at", "snapshot"]) target.searchParams.delete(name); // a list is sent, and the past is only read
      const response = await fetch(target, { method: "POST", body: JSON.stringify(some), headers: { "Content-Type": "application/json" } });
      if (!response.ok) return;
      for (const [iri, name] of Object.entries((await response.json()) as Record<string, [string, string]>)) known.set(iri, name);
    } catch {
      return; // the ends of the IRIs will do
    }
  }
}

/** How a thing is called. */
export function called(iri: string): { text: string; language?: string } {
  const name = known.get(iri);
  if (name) return { text: name[0], language: name[1] || undefined };
  if (iri.startsWith(given.base)) return { text: iri.slice(given.base.length).replace(/^id\//, "") };
  return { text: iri };
}

/** A term in words. */
export function shown(term: Term | undefined): string {
  return !term ? "" : term.type === "uri" ? called(term.value).text : term.value;
}

const NUMBER = /XMLSchema#(integer|decimal|double|float|int|long|short|byte|nonNegativeInteger|positiveInteger|gYear)$/;

/** The number a term stands for. */
export function amount(term: Term | undefined): number | undefined {
  if (!term?.datatype || !NUMBER.test(term.datatype)) return undefined;
  const value = Number(term.value);
  return Number.isFinite(value) ? value : undefined;
}
