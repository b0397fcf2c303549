// Loaded when it is needed. What esbuild makes of `import("mongodb")` itself has no named exports.
export { MongoClient } from "mongodb";
