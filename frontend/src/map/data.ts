// What the map shows, as /map.geojson tells it.
import type { FeatureCollection, Point } from "geojson";

export interface Told {
  name: string;
  page: string;
  kind: "cluster" | "partner";
  family: string;
  countries: string[];
  sectors: string[];
  regions: string[];
  projects?: string[];
  leads?: string[];
  place?: string;
  precision?: string;
}

export type Spots = FeatureCollection<Point, Told>;

interface Answer {
  total: number;
  withoutPlace: number;
  features: { type: "Feature"; id: string; geometry: Point | null; properties: Told }[];
}

/** What is found at an address, without those that have no place. */
export async function spots(address: string, signal?: AbortSignal): Promise<{ found: Spots; total: number; off: number }> {
  const answer = await fetch(address, { headers: { Accept: "application/geo+json" }, ...(signal ? { signal } : {}) });
  if (!answer.ok) throw new Error(`${address} answered ${answer.status}`);
  const told = (await answer.json()) as Answer;
  const features = told.features.flatMap((f) => (f.geometry ? [{ ...f, geometry: f.geometry }] : []));
  return { found: { type: "FeatureCollection", features }, total: told.total, off: told.withoutPlace };
}

/** How many things each region has. */
export function perRegion(all: Spots): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { properties } of all.features) for (const code of properties.regions) counts.set(code, (counts.get(code) ?? 0) + 1);
  return counts;
}

/** Lines between the partners when one project is chosen: from who leads it, else, when nobody knows where that is, between all. */
export function lines(all: Spots, project: string | null): FeatureCollection {
  const of = project ? all.features.filter((f) => f.properties.projects?.includes(project)) : [];
  const heads = of.filter((f) => f.properties.leads?.includes(project ?? ""));
  const pairs = heads.length > 0 ? heads.flatMap((head) => of.filter((f) => f !== head).map((f) => [head, f])) : of.flatMap((f, i) => of.slice(i + 1).map((g) => [f, g]));
  return {
    type: "FeatureCollection",
    features: pairs.map((ends) => ({
      type: "Feature" as const,
      properties: {},
      geometry: { type: "LineString" as const, coordinates: ends.map((f) => f.geometry.coordinates) },
    })),
  };
}
