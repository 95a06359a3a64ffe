// The query page: asks without leaving the page. Without this module its form works as a form.
import { number, say } from "./parts/words";
import { type Answer, ask, Refused, type Problem, type Solutions, solutions } from "./query/answers";
import type { Editor } from "./query/editor";
import { history as remembered } from "./query/history";
import { library } from "./query/library";
import { data, given, make } from "./query/page";
import { carried, link, sharing } from "./query/sharing";
import { show, given_truth } from "./query/views";

const form = document.querySelector<HTMLFormElement>("#ask")!;
const field = document.querySelector<HTMLTextAreaElement>("#query")!;
const results = document.querySelector<HTMLElement>("#results")!;
const status = document.querySelector<HTMLElement>("#status")!;
const complaint = document.querySelector<HTMLElement>("#complaint")!;
const stop = document.querySelector<HTMLButtonElement>("#stop")!;
let editor: Editor | undefined;
let under: AbortController | undefined;

const text = (): string => editor?.text() ?? field.value;
const put = (query: string): void => {
  if (editor) editor.put(query);
  else field.value = query;
};

/** The fields of the form beside the query, which go along: the graphs that are asked, and the moment. */
function fields(): URLSearchParams {
  const found = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (typeof value === "string" && /-graph-uri$|^(at|snapshot)$/.test(name)) found.append(name, value);
  return found;
}

async function run(): Promise<void> {
  under?.abort();
  const mine = (under = new AbortController());
  const query = text();
  complain(undefined);
  status.textContent = say("running");
  stop.hidden = false;
  results.setAttribute("aria-busy", "true");
  const begun = performance.now();
  const body = fields();
  body.set("query", query);
  try {
    const { answer, snapshot } = await ask(given.here, body, mine.signal);
    const seconds = (performance.now() - begun) / 1000;
    window.history.replaceState(null, "", link(query, fields()));
    await tell(query, answer, seconds, snapshot);
    memory.add(query);
  } catch (error) {
    if (mine !== under) return;
    status.textContent = "";
    if (error instanceof DOMException && error.name === "AbortError") status.textContent = say("stopped");
    else if (error instanceof Refused) complain(error.problem);
    else complain({ title: say(error instanceof TypeError ? "failed" : "broken"), detail: "" });
  } finally {
    if (mine === under) {
      stop.hidden = true;
      results.removeAttribute("aria-busy");
    }
  }
}

async function tell(query: string, answer: Answer, seconds: number, snapshot: number | undefined): Promise<void> {
  const time = seconds.toLocaleString(document.documentElement.lang, { maximumSignificantDigits: 2 });
  const rows = answer.kind === "rows" ? answer.rows.length : 0;
  await show(answer, results, answer.kind === "rows" ? number(rows) : "");
  results.firstElementChild?.append(sharing(query, fields(), answer.kind, snapshot));
  status.textContent =
    answer.kind === "graph" ? say("triples", { seconds: time }) : answer.kind === "truth" ? say("truth", { seconds: time }) : rows === 1 ? say("rows.one", { seconds: time }) : say("rows", { count: number(rows), seconds: time });
}

/** What is wrong, above the query and at its place in it. */
function complain(problem: Problem | undefined): void {
  editor?.mark(problem);
  if (!problem) return complaint.replaceChildren();
  const repair = /PREFIX\s+[\w-]*:\s*<\w+:[^<>\s]*>/.exec(problem.hint ?? "")?.[0];
  const told = make("div", { class: "told", role: "alert" }, make("h2", {}, say(problem.title)), problem.detail ? make("p", { lang: "en" }, problem.detail) : "");
  if (repair) {
    const button = make("button", { class: "button", type: "button" }, say("fix", { hint: repair }));
    button.addEventListener("click", () => {
      put(`${repair}\n${text()}`);
      void run();
    });
    told.append(make("p", {}, button));
  } else if (problem.hint) told.append(make("p", { lang: "en" }, problem.hint));
  complaint.replaceChildren(told);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void run();
});
stop.addEventListener("click", () => {
  under?.abort();
  document.getElementById("run")?.focus();
});
for (const one of document.querySelectorAll<HTMLElement>(".plain-only")) one.hidden = true;

const memory = remembered(document.getElementById("history")!, (query) => {
  shelf.close();
  put(query);
  void run();
});
const shelf = library(document.getElementById("library")!, document.getElementById("fields")!, { put, run: () => void run(), complain });

async function begin(): Promise<void> {
  const query = carried();
  if (query !== undefined) put(query);
  // an answer the page came with is shown as it is; one too long for the page is asked for again
  const came = data<Solutions>("solutions");
  const answer = came ? solutions(came) : given_truth();
  const seconds = (given.milliseconds ?? 0) / 1000;
  if (query !== undefined) void run();
  else if (answer) void tell(field.value, answer, seconds, given.snapshot ?? undefined);
  else if (given.asked && (!given.problem || given.problem.title === "" || !("line" in given.problem))) void run();
  const module = await import("./query/editor");
  editor = module.editor(field, () => void run());
  document.getElementById("keys")!.hidden = false;
  if (given.problem && "line" in given.problem) complain(given.problem);
}
window.addEventListener("hashchange", () => {
  const query = carried();
  if (query === undefined) return;
  put(query);
  void run();
});
void begin();
