import { serveProvider } from "../serve";
import { randomProvider } from "./provider";

serveProvider(randomProvider, process.argv.slice(2));
