// The editor: CodeMirror over the text field of the form. Tab leaves it; the colours are those of the style sheet.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, startCompletion } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching, indentOnInput, LanguageSupport, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, setDiagnostics } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { classHighlighter, styleTags, tags } from "@lezer/highlight";
import { SparqlLanguage } from "codemirror-lang-sparql";
import { say } from "../parts/words";
import type { Problem } from "./answers";
import { complete, schema } from "./completing";

// the grammar leaves prefixed names without a colour
const sparql = SparqlLanguage.configure({
  props: [styleTags({ "PrefixedName Pname_ns Pname_ln": tags.propertyName, Langtag: tags.meta, A_predicate: tags.keyword })],
});

export interface Editor {
  text(): string;
  put(text: string): void;
  mark(problem: Problem | undefined): void;
  focus(): void;
}

export function editor(field: HTMLTextAreaElement, run: () => void): Editor {
  const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";
  const label = document.getElementById("query-label")!;
  const view = new EditorView({
    state: EditorState.create({
      doc: field.value,
      extensions: [
        nonce ? EditorView.cspNonce.of(nonce) : [],
        lineNumbers(),
        history(),
        drawSelection(),
        indentOnInput(),
        bracketMatching(),
        closeBrackets(),
        highlightActiveLine(),
        matchMedia("(max-width: 40rem)").matches ? EditorView.lineWrapping : [],
        new LanguageSupport(sparql),
        syntaxHighlighting(classHighlighter),
        autocompletion({ override: [complete], icons: false, activateOnTypingDelay: 80, tooltipClass: () => "completing" }),
        keymap.of([
          { key: "Mod-Enter", run: () => (run(), true) },
          { key: "Ctrl-Space", run: startCompletion },
          ...closeBracketsKeymap,
          ...defaultKeymap.filter(({ key }) => key !== "Mod-Enter"),
          ...historyKeymap,
          ...completionKeymap,
        ]),
        EditorView.contentAttributes.of({ "aria-label": say("editor"), "aria-describedby": "keys", spellcheck: "false", tabindex: "0" }),
        EditorView.updateListener.of((update) => {
          if (!update.docChanged) return;
          field.value = update.state.doc.toString();
          field.dispatchEvent(new Event("input", { bubbles: true }));
        }),
        EditorView.domEventHandlers({ focus: () => void schema().catch(() => undefined) }),
      ],
    }),
  });
  field.hidden = true;
  field.after(view.dom);
  label.addEventListener("click", () => view.focus());
  const put = (text: string): void => view.dispatch(setDiagnostics(view.state, []), { changes: { from: 0, to: view.state.doc.length, insert: text }, selection: { anchor: 0 }, scrollIntoView: true });
  return {
    text: () => view.state.doc.toString(),
    put,
    focus: () => view.focus(),
    mark(problem) {
      const found = problem ? diagnostic(view, problem) : undefined;
      view.contentDOM.toggleAttribute("aria-invalid", false);
      if (found) view.contentDOM.setAttribute("aria-invalid", "true");
      view.dispatch(setDiagnostics(view.state, found ? [found] : []));
      if (found) view.dispatch({ selection: { anchor: found.from }, effects: EditorView.scrollIntoView(found.from, { y: "center" }) });
    },
  };
}

function diagnostic(view: EditorView, problem: Problem): Diagnostic | undefined {
  if (!problem.line) return undefined;
  const { doc } = view.state;
  const line = doc.line(Math.min(problem.line, doc.lines));
  const from = Math.min(line.from + Math.max(0, (problem.column ?? 1) - 1), line.to);
  const word = /^[\w:?$<>/.#-]+/.exec(doc.sliceString(from, line.to))?.[0].length ?? 1;
  const at = from === line.to && from > line.from ? from - 1 : from;
  return { from: at, to: Math.min(Math.max(from + word, at + 1), doc.length), severity: "error", message: problem.detail };
}
