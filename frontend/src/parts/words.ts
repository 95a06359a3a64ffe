// The words a page gives to its scripts: {{ m.words({"none": _("Nothing found")}) }} in the template.
let read: Record<string, string> | undefined;

function all(): Record<string, string> {
  if (!read) {
    const told = document.getElementById("words")?.textContent;
    read = told ? (JSON.parse(told) as Record<string, string>) : {};
  }
  return read;
}

/** The words of this name, with {name} filled in. */
export function say(name: string, values: Record<string, string | number> = {}): string {
  return (all()[name] ?? name).replace(/\{(\w+)\}/g, (whole, key: string) => String(values[key] ?? whole));
}

/** The language of the page. */
export function language(): string {
  return document.documentElement.lang || "en";
}

/** A number as the language of the page writes it. */
export function number(value: number): string {
  return value.toLocaleString(language() === "en" ? "en-GB" : language());
}
