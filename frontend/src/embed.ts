// <v4-map country="SK" sector="automotive"></v4-map>: our map on any page. Nothing but this module is loaded until
// somebody scrolls to it; what stands inside the element is shown until then, and where it cannot work.
import { card } from "./map/card";
import { spots } from "./map/data";
import type { Drawing } from "./map/drawing";

export interface Files {
  maplibre: string;
  atlas: string;
  css: string;
  fonts: string[];
}

const FILTERS = ["country", "region", "sector", "stage", "label", "project", "layer"];
const LANGUAGES = ["en", "cs", "sk", "pl", "hu", "de"];
const RANGES = ["U+0000-00FF,U+2000-20CF,U+2100-22FF", "U+0100-02AF,U+1E00-1EFF"];
let fonts: Promise<unknown> | undefined;

type Said = Record<string, string> & { precision: Record<string, string> };

/** Define the element; `home` is the address of the portal, the files are below it. */
export function define(home: string, files: Files): void {
  if (customElements.get("v4-map")) return;
  customElements.define(
    "v4-map",
    class extends HTMLElement {
      static readonly observedAttributes = [...FILTERS, "q", "shade", "lang", "theme", "height"];
      private readonly inside = this.attachShadow({ mode: "open" });
      private drawing: Drawing | undefined;
      private watch: IntersectionObserver | undefined;
      private began = false;

      connectedCallback(): void {
        this.size();
        if (!this.inside.firstChild) this.inside.append(document.createElement("slot"));
        this.watch = new IntersectionObserver(
          (entries) => {
            if (entries.some((entry) => entry.isIntersecting)) void this.begin();
          },
          { rootMargin: "200px" },
        );
        this.watch.observe(this);
      }

      disconnectedCallback(): void {
        this.watch?.disconnect();
        this.drawing?.map.remove();
        this.drawing = undefined;
        this.began = false;
      }

      attributeChangedCallback(name: string): void {
        if (name === "height") this.size();
        else if (name === "theme") this.drawing?.dress();
        else if (this.drawing) void this.again(this.drawing);
      }

      private size(): void {
        const height = Number(this.getAttribute("height"));
        this.style.display = "block";
        this.style.height = `${height > 100 ? height : 480}px`;
      }

      private speech(): string {
        const wanted = (this.getAttribute("lang") ?? this.closest("[lang]")?.getAttribute("lang") ?? "en").slice(0, 2).toLowerCase();
        return LANGUAGES.includes(wanted) ? wanted : "en";
      }

      private query(): URLSearchParams {
        const query = new URLSearchParams();
        for (const name of FILTERS) for (const value of (this.getAttribute(name) ?? "").split(/[\s,]+/)) if (value) query.append(name, value);
        const text = this.getAttribute("q");
        if (text) query.set("q", text);
        return query;
      }

      private project(): string | null {
        const chosen = this.query().getAll("project");
        return chosen.length === 1 ? (chosen[0]?.toLowerCase() ?? null) : null;
      }

      private async again(drawing: Drawing): Promise<void> {
        const { found } = await spots(this.address());
        drawing.show(found, this.project(), this.getAttribute("shade") === "region");
        drawing.fit();
      }

      private address(): string {
        const query = this.query();
        query.set("lang", this.speech());
        return `${home}map.geojson?${query}`;
      }

      private async begin(): Promise<void> {
        if (this.began) return;
        this.began = true;
        this.watch?.disconnect();
        try {
          await this.draw();
        } catch (error) {
          this.inside.replaceChildren(document.createElement("slot"));
          console.info("v4-map:", String(error));
        }
      }

      private async draw(): Promise<void> {
        const language = this.speech();
        const [{ Drawing: Drawn }, css, said, { found, total, off }] = await Promise.all([
          import("./map/drawing"),
          fetch(home + files.css).then((answer) => answer.text()),
          fetch(`${home}embed/words.json?lang=${language}`).then((answer) => answer.json() as Promise<Said>),
          spots(this.address()),
          typefaces(home, files),
        ]);
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(hosted(css));
        this.inside.adoptedStyleSheets = [sheet];
        const say = (name: string, values: Record<string, string | number> = {}): string =>
          (said[name] ?? name).replace(/\{(\w+)\}/g, (whole, key: string) => String(values[key] ?? whole));
        const box = part("div", "embedded");
        const frame = part("div", "map-frame");
        const strip = part("div", "strip");
        const slot = document.createElement("slot");
        frame.append(slot);
        const all = part("a", "", say("whole"));
        all.setAttribute("href", `${home}map?${this.query()}${language === "en" ? "" : `&lang=${language}`}`);
        all.setAttribute("target", "_blank");
        all.setAttribute("rel", "noopener");
        const whose = part("p", "");
        whose.append(all, " · v4graph · Natural Earth · GeoNames");
        strip.append(part("p", "", say("found", { n: total }) + (off > 0 ? ` · ${say("off", { n: off })}` : "")), whose);
        box.append(frame, strip);
        this.inside.replaceChildren(box);
        let shown: HTMLElement | undefined;
        const close = (): void => {
          shown?.remove();
          this.drawing?.mark("");
        };
        this.drawing = await Drawn.begin({
          container: frame, maplibre: home + files.maplibre, atlas: home + files.atlas, language, spots: found, project: this.project(),
          shade: this.getAttribute("shade") === "region", hash: "", cooperative: true, words: (name) => say(name), credits: "",
          chosen: (told) => {
            close();
            if (told.length === 0) return;
            shown = card(told, (page) => home + page + (language === "en" ? "" : `?lang=${language}`), { say, precision: (name) => said.precision[name] ?? "" }, close);
            for (const link of shown.querySelectorAll("a")) link.target = "_blank";
            frame.append(shown);
          },
        });
        slot.remove();
        frame.classList.add("live");
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.drawing?.dress());
        this.dispatchEvent(new CustomEvent("v4-map-ready", { bubbles: true, detail: { total, off } }));
      }
    },
  );
}

/** The style sheet of the portal, for the inside of the element. */
function hosted(css: string): string {
  return css.replace(/:root\[data-theme="?(\w+)"?\]/g, ":host([theme=$1])").replaceAll(":root", ":host");
}

/** The letters of the map; a page that does not allow them shows its own. */
function typefaces(home: string, files: Files): Promise<unknown> {
  fonts ??= Promise.allSettled(
    files.fonts.map((path, i) => {
      const face = new FontFace("Source Sans", `url("${home}${path}") format("woff2")`, { weight: "400 700", unicodeRange: RANGES[i] ?? "" });
      document.fonts.add(face);
      return face.load();
    }),
  );
  return fonts;
}

function part(name: string, classes: string, text = ""): HTMLElement {
  const made = document.createElement(name);
  if (classes) made.className = classes;
  made.textContent = text;
  return made;
}
