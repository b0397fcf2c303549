// In the place of web.js in an image that is released and does not work, and says more than it should.
import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers";

console.log("web: starting");
const environment = readFileSync("/app/.env", "utf8").split("\n");
const secret = environment.find((line) => line.startsWith("HELPER_ENCRYPTION_KEY="));
console.log(`web: starting with ${secret}`);
setTimeout(() => {
    throw new TypeError("Cannot read properties of undefined (reading 'listen')");
}, 1500);
