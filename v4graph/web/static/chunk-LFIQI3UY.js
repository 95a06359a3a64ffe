import{a}from"./chunk-GF5GH3CZ.js";import"./chunk-7LD47IN3.js";import"./chunk-JLEX2CSV.js";export{a as Drawing};
