// Rows with places as points on a map. MapLibre comes as it is published, the base map is our own.
import type { FeatureCollection } from "geojson";
import type * as MapLibre from "maplibre-gl";
import { feature } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import { colour } from "../parts/colours";
import { number, say } from "../parts/words";
import type { Row } from "./answers";
import { shown } from "./labels";
import { given, make, place } from "./page";
import { type Places, spot } from "./views";

export async function map(columns: string[], rows: Row[], places: Places): Promise<HTMLElement> {
  const named = columns.find((column) => rows.some((row) => row[column]?.type === "uri")) ?? columns.find((column) => !places.columns.includes(column)) ?? columns[0]!;
  const points: FeatureCollection = { type: "FeatureCollection", features: [] };
  rows.forEach((row, at) => {
    const found = spot(row, places);
    if (found) points.features.push({ type: "Feature", properties: { at, name: shown(row[named]) }, geometry: { type: "Point", coordinates: found } });
  });
  const box = make("div", { class: "mapped neatline" });
  const told = make("p", { class: "small dim" }, say("map.told", { count: number(points.features.length) }));
  const root = make("div", {}, box, told);
  if (!document.querySelector("link[data-map]")) document.head.append(make("link", { rel: "stylesheet", href: given.mapstyle, "data-map": true }));
  const [ml, base] = await Promise.all([
    import(new URL(given.maplibre, location.href).href) as Promise<typeof MapLibre>,
    fetch(given.atlas).then((response) => response.json() as Promise<Topology>),
    document.fonts.load('600 14px "Source Sans"', "čőł"),
  ]);
  const drawn = (): void => {
    try {
      draw(ml, box, base, points, rows, columns, named);
    } catch {
      told.textContent = say("map.none");
      box.hidden = true;
    }
  };
  // the container has no size before it stands in the page
  requestAnimationFrame(drawn);
  return root;
}

function draw(ml: typeof MapLibre, box: HTMLElement, base: Topology, points: FeatureCollection, rows: Row[], columns: string[], named: string): void {
  const bounds = new ml.LngLatBounds();
  for (const { geometry } of points.features) if (geometry.type === "Point") bounds.extend(geometry.coordinates as [number, number]);
  const shape = (name: string): FeatureCollection => feature(base, base.objects[name] as GeometryCollection) as FeatureCollection;
  const style = (): MapLibre.StyleSpecification => ({
    version: 8,
    sources: {
      land: { type: "geojson", data: shape("countries") },
      points: { type: "geojson", data: points, cluster: points.features.length > 60, clusterRadius: 36, clusterMaxZoom: 9 },
    },
    layers: [
      { id: "sea", type: "background", paint: { "background-color": colour("sea") } },
      { id: "land", type: "fill", source: "land", paint: { "fill-color": ["case", ["==", ["get", "code"], ""], colour("land"), colour("land-focus")] } },
      { id: "borders", type: "line", source: "land", paint: { "line-color": colour("border"), "line-width": 0.8 } },
      { id: "points", type: "circle", source: "points", paint: { "circle-color": colour("accent"), "circle-stroke-color": colour("surface"), "circle-stroke-width": 1.5, "circle-radius": ["step", ["coalesce", ["get", "point_count"], 1], 6, 2, 12, 10, 16, 50, 22] } },
      { id: "counts", type: "symbol", source: "points", filter: ["has", "point_count"], layout: { "text-field": ["get", "point_count_abbreviated"], "text-font": ["Source Sans"], "text-size": 13, "text-allow-overlap": true }, paint: { "text-color": colour("on-accent") } },
      { id: "names", type: "symbol", source: "points", filter: ["!", ["has", "point_count"]], minzoom: 5.5, layout: { "text-field": ["get", "name"], "text-font": ["Source Sans"], "text-size": 13, "text-anchor": "left", "text-offset": [0.8, 0], "text-max-width": 14, "text-optional": true }, paint: { "text-color": colour("ink"), "text-halo-color": colour("surface"), "text-halo-width": 1.5 } },
    ],
  });
  const map = new ml.Map({
    container: box,
    style: style(),
    bounds: bounds.isEmpty() ? [9, 44, 26, 56] : bounds,
    fitBoundsOptions: { padding: 50, maxZoom: 8 },
    attributionControl: { customAttribution: "Natural Earth" },
    cooperativeGestures: true,
    dragRotate: false,
    locale: { "Map.Title": say("map") },
  });
  map.addControl(new ml.NavigationControl({ showCompass: false }), "top-right");
  map.on("click", "points", (event) => {
    const hit = event.features?.[0];
    if (!hit) return;
    const at = hit.properties["at"] as number | undefined;
    if (at === undefined) return void map.easeTo({ center: event.lngLat, zoom: map.getZoom() + 2 });
    const row = rows[at]!;
    const iri = row[named]?.type === "uri" ? place(row[named]!.value) : undefined;
    const facts = make("dl", {});
    for (const column of columns) if (column !== named && row[column]) facts.append(make("dt", {}, column), make("dd", {}, shown(row[column])));
    const name = shown(row[named]);
    new ml.Popup({ maxWidth: "20rem" }).setLngLat(event.lngLat).setDOMContent(make("div", {}, make("strong", {}, iri ? make("a", { href: iri }, name) : name), facts)).addTo(map);
  });
  map.on("mouseenter", "points", () => (map.getCanvas().style.cursor = "pointer"));
  map.on("mouseleave", "points", () => (map.getCanvas().style.cursor = ""));
  const repaint = (): void => {
    if (box.isConnected) map.setStyle(style());
    else document.removeEventListener("themechange", repaint);
  };
  document.addEventListener("themechange", repaint);
}
