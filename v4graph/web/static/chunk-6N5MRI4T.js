import{a}from"./chunk-SMOBKMQU.js";import"./chunk-MCEDVYDM.js";import"./chunk-JLEX2CSV.js";export{a as Drawing};
