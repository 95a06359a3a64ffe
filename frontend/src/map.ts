// The map page and the embedded map: the server's drawing is replaced by a map that moves, once that map is there.
import { card, type Words } from "./map/card";
import { spots } from "./map/data";
import { Drawing } from "./map/drawing";
import { filters } from "./map/filters";
import { list } from "./map/list";
import { language, say } from "./parts/words";

interface Said { precision: Record<string, string>; regions: Record<string, string> }

const frame = document.getElementById("map");
if (frame) void begin(frame);

function said(): Said {
  return JSON.parse(document.getElementById("words")?.textContent ?? "{}") as Said;
}

async function begin(container: HTMLElement): Promise<void> {
  const form = document.querySelector<HTMLFormElement>("form.map-filters");
  const root = container.dataset["root"] ?? "";
  const asked = new URLSearchParams(location.search).get("lang");
  const address = (page: string): string => `${root}${page}${asked ? `?lang=${asked}` : ""}`;
  const words: Words = { say, precision: (name) => said().precision[name] ?? "" };
  const data = (query: string): string => `${(container.dataset["data"] ?? "").split("?")[0]}?${withLanguage(query)}`;
  let drawing: Drawing | undefined;
  let shown: HTMLElement | undefined;

  const close = (): void => {
    shown?.remove();
    shown = undefined;
    drawing?.mark("");
    entries.mark("");
  };
  const entries = list(document.getElementById("found"), {
    hover: (page) => drawing?.mark(page),
    show: (page) => {
      const told = drawing?.fly(page);
      if (told) open([told]);
    },
    inView: () => drawing?.inView(),
  });
  const open = (all: Parameters<typeof card>[0]): void => {
    close();
    const [one] = all;
    if (!one) return;
    shown = card(all, address, words, close);
    if (container.dataset["target"]) for (const a of shown.querySelectorAll("a")) a.target = container.dataset["target"];
    container.append(shown);
    if (all.length === 1) {
      drawing?.mark(one.page);
      entries.mark(one.page);
    }
  };

  if (form) {
    filters(form, {
      changed: (page) => entries.renew(page),
      asked: async (query, signal) => {
        close();
        const answer = await spots(data(query), signal);
        drawing?.show(answer.found, projectOf(query), shadeOf(query));
        drawing?.fit();
      },
    });
  }

  const query = location.search.slice(1);
  try {
    const first = await spots(data(query));
    drawing = await Drawing.begin({
      container, maplibre: new URL(container.dataset["maplibre"] ?? "", document.baseURI).href, atlas: container.dataset["atlas"] ?? "", language: language(),
      spots: first.found, project: projectOf(query), shade: shadeOf(query), hash: container.dataset["target"] ? "" : "at",
      cooperative: container.dataset["target"] !== undefined, words: say, credits: "", chosen: open,
    });
  } catch (error) {
    console.info("the map stays as the server drew it:", String(error));
    return;
  }
  container.classList.add("live");
  container.querySelector(".fallback")?.remove();
  document.addEventListener("themechange", () => drawing?.dress());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawing?.dress());
  drawing.map.on("moveend", () => entries.moved());
  entries.ready();
  const png = document.getElementById("png");
  png?.removeAttribute("hidden");
  png?.addEventListener("click", () => void download(drawing));
}

async function download(drawing: Drawing | undefined): Promise<void> {
  const blob = await drawing?.picture();
  if (!blob) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = "v4graph-map.png";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function withLanguage(query: string): string {
  const params = new URLSearchParams(query);
  if (!params.has("lang")) params.set("lang", language());
  params.delete("shade");
  return params.toString();
}

function projectOf(query: string): string | null {
  const chosen = new URLSearchParams(query).getAll("project");
  return chosen.length === 1 ? (chosen[0] ?? null) : null;
}

function shadeOf(query: string): boolean {
  return new URLSearchParams(query).get("shade") === "region";
}
