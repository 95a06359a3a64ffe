// What can be taken along: downloads, a link, a citation, a few lines of program.
import { language, say } from "../parts/words";
import { choice, given, make } from "./page";

const LONGEST = 2000; // characters of an address that every server and mail program takes

const FORMATS = {
  rows: [["csv", "CSV"], ["json", "JSON"], ["xml", "XML"], ["tsv", "TSV"]],
  truth: [["json", "JSON"], ["xml", "XML"]],
  graph: [["ttl", "Turtle"], ["nt", "N-Triples"], ["jsonld", "JSON-LD"], ["rdf", "RDF/XML"]],
} as const;

/** The address of a query: in its query part, which servers see and scripts need not run for; when long, after the hash. */
export function link(query: string, fields: URLSearchParams): string {
  const made = new URL(given.here, location.href);
  for (const [name, value] of fields) made.searchParams.append(name, value);
  const spoken = new URLSearchParams(location.search).get("lang");
  if (spoken) made.searchParams.set("lang", spoken);
  made.hash = "";
  const short = new URL(made);
  short.searchParams.set("query", query);
  short.searchParams.set("format", "html");
  if (short.href.length <= LONGEST) return short.href;
  made.hash = `query=${encodeURIComponent(query)}`;
  return made.href;
}

/** The query an address carries after its hash. */
export function carried(): string | undefined {
  const found = /^#query=(.*)$/s.exec(location.hash);
  try {
    return found ? decodeURIComponent(found[1]!) : undefined;
  } catch {
    return undefined;
  }
}

export function sharing(query: string, fields: URLSearchParams, kind: keyof typeof FORMATS, snapshot: number | undefined): HTMLElement {
  const root = make("div", { class: "sharing" });
  const downloads = make("ul", { class: "formats" });
  for (const [ending, label] of FORMATS[kind]) downloads.append(make("li", {}, download(query, fields, ending, label)));
  root.append(make("div", { class: "row downloads" }, make("strong", {}, say("downloads")), downloads));

  const address = link(query, fields);
  const number = snapshot ?? given.snapshot;
  // what is cited is the answer of this snapshot, also when there are newer ones
  const then = new URLSearchParams(fields);
  if (number && !then.has("at") && !then.has("snapshot")) then.set("snapshot", String(number));
  const date = given.created ? new Date(given.created) : new Date();
  const locale = language() === "en" ? "en-GB" : language();
  const cited = say("cite", { snapshot: number ?? "?", date: date.toLocaleDateString(locale, { dateStyle: "long" }), address: link(query, then) });
  root.append(make("details", {}, make("summary", {}, say("share")), copied(say("link"), address), copied(say("citation"), cited)));

  const names = Object.keys(PROGRAMS);
  const code = make("code");
  const told = (name: string): void => void (code.textContent = PROGRAMS[name as keyof typeof PROGRAMS](query, kind));
  told(names[0]!);
  const copy = copyButton(() => code.textContent ?? "", say("code"));
  root.append(
    make(
      "details",
      {},
      make("summary", {}, say("code")),
      make("div", { class: "row" }, choice(say("language"), names.map((name) => [name, name]), names[0]!, told), ...copy),
      make("pre", { class: "raw", tabindex: "0" }, code),
    ),
  );
  return root;
}

/** A link where the query fits into an address, else a button that sends a form. */
function download(query: string, fields: URLSearchParams, ending: string, label: string): HTMLElement {
  const target = new URL(given.here, location.href);
  for (const [name, value] of fields) target.searchParams.append(name, value);
  target.searchParams.set("format", ending);
  const whole = new URL(target);
  whole.searchParams.set("query", query);
  if (whole.href.length <= 3 * LONGEST) return make("a", { href: whole.href, download: `answer.${ending}` }, label);
  const form = make("form", { method: "post", action: target.href }, make("input", { type: "hidden", name: "query", value: query }));
  form.append(make("button", { class: "button", type: "submit" }, label));
  return form;
}

function copied(label: string, text: string): HTMLElement {
  const field = make("textarea", { readonly: true, rows: "2", spellcheck: "false" });
  field.value = text;
  return make("div", { class: "field" }, make("label", {}, make("span", {}, label), field), make("div", { class: "row" }, ...copyButton(() => text, label)));
}

function copyButton(text: () => string, label: string): HTMLElement[] {
  const told = make("span", { class: "small", role: "status" });
  const button = make("button", { class: "button", type: "button", "aria-label": `${say("copy")}: ${label}` }, say("copy"));
  button.addEventListener("click", () => {
    void navigator.clipboard.writeText(text()).then(() => {
      told.textContent = say("copied");
      setTimeout(() => (told.textContent = ""), 4000);
    });
  });
  return [button, told];
}

type Kind = keyof typeof FORMATS;
const PROGRAMS = {
  curl: (query: string, kind: Kind) =>
    `curl ${given.endpoint} \\\n  --header 'Accept: ${kind === "graph" ? "text/turtle" : kind === "truth" ? "application/sparql-results+json" : "text/csv"}' \\\n  --data-urlencode query='${query.replaceAll("'", "'\\''")}'\n`,
  "Python (SPARQLWrapper)": (query: string, kind: Kind) =>
    kind === "graph"
      ? `from SPARQLWrapper import SPARQLWrapper\n\nendpoint = SPARQLWrapper("${given.endpoint}")\nendpoint.setQuery(${python(query)})\ngraph = endpoint.queryAndConvert()  # an rdflib graph\nprint(graph.serialize(format="turtle"))\n`
      : `from SPARQLWrapper import JSON, SPARQLWrapper\n\nendpoint = SPARQLWrapper("${given.endpoint}", returnFormat=JSON)\nendpoint.setQuery(${python(query)})\nanswer = endpoint.queryAndConvert()\n${kind === "truth" ? `print(answer["boolean"])` : `for row in answer["results"]["bindings"]:\n    print({name: term["value"] for name, term in row.items()})`}\n`,
  R: (query: string, kind: Kind) =>
    `library(httr2)\n\nquery <- r"-----(${query})-----"\nanswer <- request("${given.endpoint}") |>\n  req_headers(Accept = "${kind === "graph" ? "text/turtle" : kind === "truth" ? "application/sparql-results+json" : "text/csv"}") |>\n  req_body_form(query = query) |>\n  req_perform() |>\n  resp_body_string()\n${kind === "rows" ? "rows <- read.csv(text = answer, encoding = \"UTF-8\")\nprint(rows)" : "cat(answer)"}\n`,
  JavaScript: (query: string, kind: Kind) =>
    `const query = ${JSON.stringify(query).replaceAll("\\n", "\\n\" +\n  \"")};\nconst answer = await fetch("${given.endpoint}", {\n  method: "POST",\n  headers: { Accept: "${kind === "graph" ? "text/turtle" : "application/sparql-results+json"}" },\n  body: new URLSearchParams({ query }),\n});\n${kind === "graph" ? "console.log(await answer.text());" : kind === "truth" ? "console.log((await answer.json()).boolean);" : "const { results } = await answer.json();\nfor (const row of results.bindings) console.log(row);"}\n`,
};

function python(query: string): string {
  return `"""\n${query.replaceAll("\\", "\\\\").replaceAll('"""', '\\"\\"\\"').replace(/"$/, '\\"')}\n"""`;
}
