// A map in a container: base map of our own, points in bunches, shades and lines; nothing comes from elsewhere.
import type { FeatureCollection } from "geojson";
import type * as maplibre from "maplibre-gl";
import { feature } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import { lines, perRegion, type Spots, type Told } from "./data";
import { bunch, DENSITY, palette, style, type Content, type Palette } from "./style";

interface Town { at: [number, number]; rank: number; names: Record<string, string> }
type Atlas = Topology<{ countries: GeometryCollection; regions: GeometryCollection }> & { towns: Town[] };

export interface Options {
  container: HTMLElement;
  maplibre: string;
  atlas: string;
  language: string;
  spots: Spots;
  project: string | null;
  shade: boolean;
  /** Where the map is kept in the address (after "#"), or "" for nowhere. */
  hash: string;
  cooperative: boolean;
  words: (name: string) => string;
  credits: string;
  chosen: (all: Told[], at: [number, number]) => void;
}

const MIDDLE: [number, number, number, number] = [10.2, 45.6, 24.6, 54.9];

export class Drawing {
  private readonly content: Content;
  private shaded: boolean;
  private colours: Palette = {};

  private constructor(readonly map: maplibre.Map, private readonly options: Options, atlas: Atlas) {
    this.content = contentOf(atlas, options);
    this.shaded = options.shade;
    this.content.counts = options.shade ? perRegion(options.spots) : null;
  }

  /** Draw a map; fails when the browser cannot, and leaves the container as it was. */
  static async begin(options: Options): Promise<Drawing> {
    const [gl, atlas] = await Promise.all([
      import(/* @vite-ignore */ options.maplibre) as Promise<typeof maplibre>,
      fetch(options.atlas).then((answer) => answer.json() as Promise<Atlas>),
      document.fonts.load('600 14px "Source Sans"', "Aač").then(() => document.fonts.load('600 14px "Source Sans"', "čőłř")),
    ]);
    const frame = document.createElement("div");
    frame.className = "canvas";
    options.container.append(frame);
    let map: maplibre.Map;
    try {
      map = new gl.Map({
        container: frame, style: { version: 8, sources: {}, layers: [] }, bounds: boundsOf(options.spots), fitBoundsOptions: { padding: 40, maxZoom: 9 },
        minZoom: 2.5, maxZoom: 15, renderWorldCopies: false, dragRotate: false, pitchWithRotate: false, touchPitch: false,
        attributionControl: false, cooperativeGestures: options.cooperative, ...(options.hash ? { hash: options.hash } : {}), maxBounds: [-45, 25, 65, 74],
        locale: {
          "Map.Title": options.words("map"), "NavigationControl.ZoomIn": options.words("zoom_in"), "NavigationControl.ZoomOut": options.words("zoom_out"),
          "CooperativeGesturesHandler.WindowsHelpText": options.words("wheel"), "CooperativeGesturesHandler.MacHelpText": options.words("wheel_mac"),
          "CooperativeGesturesHandler.MobileHelpText": options.words("gesture"),
        },
      });
    } catch (error) {
      frame.remove();
      throw error;
    }
    map.touchZoomRotate.disableRotation();
    map.addControl(new gl.NavigationControl({ showCompass: false }), "top-right");
    if (options.credits) map.addControl(new gl.AttributionControl({ compact: true, customAttribution: options.credits }), "bottom-right");
    const made = new Drawing(map, options, atlas);
    made.dress();
    made.listen();
    await new Promise<void>((done) => void map.once("idle", () => done()));
    return made;
  }

  /** Put the colours of the present theme on. */
  dress(): void {
    this.colours = palette(this.options.container);
    this.map.setStyle(style(this.content, this.colours), { diff: false });
  }

  show(spots: Spots, project: string | null, shade: boolean): void {
    const reshaded = shade !== this.shaded;
    this.shaded = shade;
    this.content.spots = spots;
    this.content.lines = lines(spots, project);
    this.content.counts = shade ? perRegion(spots) : null;
    if (shade || reshaded) return this.dress();
    void (this.map.getSource("spots") as maplibre.GeoJSONSource | undefined)?.setData(spots);
    void (this.map.getSource("lines") as maplibre.GeoJSONSource | undefined)?.setData(this.content.lines);
  }

  /** Show all there is now. */
  fit(): void {
    this.map.fitBounds(boundsOf(this.content.spots), { padding: 40, maxZoom: 9, animate: !still() });
  }

  mark(page: string): void {
    if (this.map.getLayer("marked")) this.map.setFilter("marked", ["==", ["get", "page"], page]);
  }

  fly(page: string): Told | null {
    const found = this.content.spots.features.find((f) => f.properties.page === page);
    if (!found) return null;
    const [longitude = 0, latitude = 0] = found.geometry.coordinates;
    this.map.easeTo({ center: [longitude, latitude], zoom: Math.max(this.map.getZoom(), 9), animate: !still() });
    this.mark(page);
    return found.properties;
  }

  /** The pages of what is seen now. */
  inView(): Set<string> {
    const bounds = this.map.getBounds();
    return new Set(
      this.content.spots.features
        .filter((f) => bounds.contains([f.geometry.coordinates[0] ?? 0, f.geometry.coordinates[1] ?? 0]))
        .map((f) => f.properties.page),
    );
  }

  /** The map as it is now, as a picture. */
  async picture(): Promise<Blob | null> {
    return new Promise((done) => {
      this.map.once("render", () => this.map.getCanvas().toBlob(done, "image/png"));
      this.map.triggerRepaint();
    });
  }

  private listen(): void {
    const { map } = this;
    for (const layer of ["spots", "bunches"]) {
      map.on("mouseenter", layer, () => void (map.getCanvas().style.cursor = "pointer"));
      map.on("mouseleave", layer, () => void (map.getCanvas().style.cursor = ""));
    }
    map.setMissingStyleImageResolver((id) => {
      const picture = map.hasImage(id) ? null : bunch(id, this.colours);
      if (picture) map.addImage(id, picture, { pixelRatio: DENSITY });
    });
    map.on("click", (event) => void this.clicked(event));
  }

  private async clicked(event: maplibre.MapMouseEvent): Promise<void> {
    const { x, y } = event.point;
    const box: [[number, number], [number, number]] = [[x - 5, y - 5], [x + 5, y + 5]];
    const found = this.map.queryRenderedFeatures(box, { layers: ["bunches", "spots"] });
    const bunch = found.find((f) => f.properties["cluster"]);
    const source = this.map.getSource("spots") as maplibre.GeoJSONSource;
    const single = found.find((f) => !f.properties["cluster"]);
    if (single) {
      const page = String(single.properties["page"]);
      const told = this.content.spots.features.filter((f) => f.properties.page === page);
      this.mark(page);
      return this.options.chosen(told.map((f) => f.properties), at(single));
    }
    if (!bunch) return this.options.chosen([], [0, 0]);
    const id = Number(bunch.properties["cluster_id"]);
    const zoom = await source.getClusterExpansionZoom(id);
    if (zoom <= 11) return void this.map.easeTo({ center: at(bunch), zoom: zoom + 0.2, animate: !still() });
    const leaves = await source.getClusterLeaves(id, 200, 0);
    this.options.chosen(leaves.map((f) => f.properties as unknown as Told), at(bunch));
  }
}

function at(found: { geometry: { type: string } }): [number, number] {
  const { coordinates } = found.geometry as unknown as { coordinates: [number, number] };
  return coordinates;
}

function still(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

function boundsOf(spots: Spots): [number, number, number, number] {
  const all = spots.features.map((f) => f.geometry.coordinates);
  if (all.length === 0) return MIDDLE;
  // a few far away do not make the rest small: the outermost fiftieth on each side does not count
  const edge = (axis: number): [number, number] => {
    const values = all.map((p) => p[axis] ?? 0).sort((a, b) => a - b);
    const off = values.length > 20 ? Math.floor(values.length / 50) : 0;
    return [values[off] ?? 0, values[values.length - 1 - off] ?? 0];
  };
  const [west, east] = edge(0);
  const [south, north] = edge(1);
  const room = 0.4;
  return [west - room, south - room, east + room, north + room];
}

function contentOf(atlas: Atlas, options: Options): Content {
  const shapes = (name: "countries" | "regions"): FeatureCollection => feature(atlas, atlas.objects[name]) as FeatureCollection;
  return {
    countries: shapes("countries"),
    regions: shapes("regions"),
    towns: {
      type: "FeatureCollection",
      features: atlas.towns.map((town) => ({
        type: "Feature" as const,
        properties: { rank: town.rank, name: town.names[options.language] ?? town.names[""] },
        geometry: { type: "Point" as const, coordinates: town.at },
      })),
    },
    spots: options.spots,
    lines: lines(options.spots, options.project),
    counts: null,
  };
}
