// A form that is sent by GET and shows its answer without leaving the page: what <main id="content"> holds under the
// given selector is replaced, and the address goes along. Without this module the form works as a form.
export interface Options {
  /** What is replaced, as a selector that fits one element of the page. */
  replace: string;
  /** Called after each answer. */
  after?: (document: Document) => void;
}

export function live(form: HTMLFormElement, options: Options): void {
  let under: AbortController | undefined;
  const ask = async (): Promise<void> => {
    under?.abort();
    under = new AbortController();
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (typeof value === "string" && value !== "") query.append(name, value);
    const address = `${form.action.split("?")[0]}?${query}`;
    try {
      const answer = await fetch(address, { headers: { Accept: "text/html" }, signal: under.signal });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const found = page.querySelector(options.replace);
      const here = document.querySelector(options.replace);
      if (!found || !here) return void location.assign(address);
      here.replaceWith(found);
      history.replaceState(null, "", address);
      options.after?.(page);
    } catch (error) {
      if (!(error instanceof DOMException && error.name === "AbortError")) location.assign(address);
    }
  };
  form.addEventListener("change", () => void ask());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void ask();
  });
}
