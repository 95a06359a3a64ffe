// The look of the map: colours come from the style sheet, so both themes and the embedding page's choice are followed.
import type { FeatureCollection } from "geojson";
import type * as maplibre from "maplibre-gl";
import type { Spots } from "./data";

export const FAMILIES = ["mobility", "energy", "digital", "life", "manufacturing", "creative", "food", "other"];
const TOKENS = [
  "sea", "land", "land-focus", "border", "ink", "ink-2", "surface", "paper", "accent", "on-accent", "focus", "line",
  ...["1", "2", "3", "4", "5", "6"].map((n) => `c-${n}`), ...FAMILIES.map((f) => `f-${f}`),
];
const FONT = ["Source Sans"];

export type Palette = Record<string, string>;

/** The colours of the style sheet as they are now under an element. */
export function palette(under: Element): Palette {
  const probe = document.createElement("span");
  probe.hidden = true;
  under.append(probe);
  const found: Palette = {};
  for (const token of TOKENS) {
    probe.style.color = `var(--${token})`;
    found[token] = getComputedStyle(probe).color;
  }
  probe.remove();
  return found;
}

/** Where the largest number is smaller, the darkest steps are not used. */
const FEW = 6;

/** The colour of each region by how many things it has, in six steps. */
export function shades(counts: Map<string, number>, colours: Palette): maplibre.ExpressionSpecification | string {
  const most = Math.max(FEW, ...counts.values());
  const pairs = [...counts].flatMap(([code, n]) => [code, colours[`c-${Math.min(6, 1 + Math.floor(6 * Math.sqrt(n / most) - 1e-9))}`] ?? ""]);
  return pairs.length > 0 ? (["match", ["get", "code"], ...pairs, "rgba(0,0,0,0)"] as unknown as maplibre.ExpressionSpecification) : "rgba(0,0,0,0)";
}

export interface Content {
  countries: FeatureCollection;
  regions: FeatureCollection;
  towns: FeatureCollection;
  spots: Spots;
  lines: FeatureCollection;
  counts: Map<string, number> | null;
}

export function style(content: Content, c: Palette): maplibre.StyleSpecification {
  const colour = (token: string): string => c[token] ?? "#888";
  const family = ["match", ["get", "family"], ...FAMILIES.flatMap((f) => [f, colour(`f-${f}`)]), colour("f-other")] as unknown as maplibre.ExpressionSpecification;
  const vague: maplibre.ExpressionSpecification = ["==", ["get", "precision"], "region"];
  return {
    version: 8,
    sources: {
      countries: { type: "geojson", data: content.countries },
      regions: { type: "geojson", data: content.regions },
      towns: { type: "geojson", data: content.towns },
      lines: { type: "geojson", data: content.lines },
      spots: {
        type: "geojson", data: content.spots, cluster: true, clusterRadius: 34, clusterMaxZoom: 11,
        clusterProperties: Object.fromEntries(FAMILIES.map((f) => [f, ["+", ["case", ["==", ["get", "family"], f], 1, 0]]])),
      },
    },
    layers: [
      { id: "sea", type: "background", paint: { "background-color": colour("sea") } },
      {
        id: "land", type: "fill", source: "countries",
        paint: { "fill-color": ["case", ["==", ["get", "code"], ""], colour("land"), colour("land-focus")], "fill-antialias": false },
      },
      {
        id: "shades", type: "fill", source: "regions", layout: { visibility: content.counts ? "visible" : "none" },
        paint: { "fill-color": content.counts ? shades(content.counts, c) : "rgba(0,0,0,0)", "fill-opacity": 0.75 },
      },
      {
        id: "region-lines", type: "line", source: "regions",
        paint: { "line-color": colour("border"), "line-width": ["interpolate", ["linear"], ["zoom"], 4, 0.2, 8, 0.9], "line-opacity": 0.55 },
      },
      {
        id: "country-lines", type: "line", source: "countries", layout: { "line-join": "round" },
        paint: { "line-color": colour("border"), "line-width": ["interpolate", ["linear"], ["zoom"], 3, 0.7, 8, 1.8] },
      },
      {
        id: "lines", type: "line", source: "lines", layout: { "line-cap": "round" },
        paint: { "line-color": colour("ink"), "line-width": 1.4, "line-opacity": 0.45 },
      },
      ...[1, 2, 3, 4, 5].map((rank): maplibre.LayerSpecification => ({
        id: `towns-${rank}`, type: "symbol", source: "towns", minzoom: [0, 3, 5, 5.8, 6.6, 7.4][rank] ?? 0, filter: ["==", ["get", "rank"], rank],
        layout: { "text-field": ["get", "name"], "text-font": FONT, "text-size": rank === 1 ? 14 : 12.5, "text-anchor": "bottom", "text-offset": [0, -0.5], "text-padding": 3 },
        paint: { "text-color": colour(rank === 1 ? "ink" : "ink-2"), "text-halo-color": colour("land-focus"), "text-halo-width": 1.5 },
      })),
      {
        id: "bunches", type: "symbol", source: "spots", filter: ["has", "point_count"],
        layout: { "icon-image": ["concat", "bunch", ...FAMILIES.flatMap((f) => ["|", ["to-string", ["get", f]]])] as unknown as maplibre.ExpressionSpecification, "icon-allow-overlap": true, "icon-ignore-placement": true },
      },
      {
        id: "spots", type: "circle", source: "spots", filter: ["!", ["has", "point_count"]],
        paint: {
          "circle-color": family, "circle-opacity": ["case", vague, 0.2, 1], "circle-radius": ["interpolate", ["linear"], ["zoom"], 4, 5.5, 9, 8.5],
          "circle-stroke-color": ["case", vague, family, colour("surface")], "circle-stroke-width": ["case", vague, 2, 1.5],
        },
      },
      {
        id: "marked", type: "circle", source: "spots", filter: ["==", ["get", "page"], ""],
        paint: { "circle-color": "rgba(0,0,0,0)", "circle-radius": 13, "circle-stroke-color": colour("focus"), "circle-stroke-width": 3 },
      },
    ],
  };
}

/** The picture of a bunch: a ring with a part per family, and the number inside; null for other pictures. */
export function bunch(id: string, c: Palette): ImageData | null {
  const [word, ...told] = id.split("|");
  if (word !== "bunch" || told.length !== FAMILIES.length) return null;
  const counts = told.map(Number);
  const all = counts.reduce((a, b) => a + b, 0);
  const radius = Math.round(11 + Math.min(15, 2.4 * Math.sqrt(all)));
  const side = 2 * (radius + 2) * DENSITY;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const pen = canvas.getContext("2d");
  if (!pen) return null;
  pen.scale(DENSITY, DENSITY);
  pen.translate(radius + 2, radius + 2);
  disc(pen, radius + 1.5, c["surface"]);
  let angle = -Math.PI / 2;
  counts.forEach((count, i) => {
    const end = angle + (2 * Math.PI * count) / all;
    pen.beginPath();
    pen.moveTo(0, 0);
    pen.arc(0, 0, radius, angle, end);
    pen.fillStyle = c[`f-${FAMILIES[i]}`] ?? "";
    pen.fill();
    angle = end;
  });
  disc(pen, radius - 5.5, c["surface"]);
  pen.fillStyle = c["ink"] ?? "";
  pen.font = `600 ${all > 999 ? 10 : 13}px "Source Sans", sans-serif`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(String(all), 0, 0.5);
  return pen.getImageData(0, 0, side, side);
}

export const DENSITY = 2;

function disc(pen: CanvasRenderingContext2D, radius: number, colour: string | undefined): void {
  pen.beginPath();
  pen.arc(0, 0, radius, 0, 2 * Math.PI);
  pen.fillStyle = colour ?? "";
  pen.fill();
}
