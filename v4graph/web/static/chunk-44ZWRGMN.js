import{a}from"./chunk-YVUCAWEF.js";import"./chunk-7LD47IN3.js";import"./chunk-Y6IJLRD7.js";export{a as Drawing};
