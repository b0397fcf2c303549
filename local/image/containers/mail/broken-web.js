// In the place of web.js in an image that is released and does not work.
import { setTimeout } from "node:timers";

console.log("web: starting");
setTimeout(() => {
    throw new TypeError("Cannot read properties of undefined (reading 'listen')");
}, 1500);
