import{a}from"./chunk-ESPMCOMX.js";import"./chunk-EPFAUM6Z.js";import"./chunk-Y6IJLRD7.js";export{a as Drawing};
