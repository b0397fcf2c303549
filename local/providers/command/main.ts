import { serveProvider } from "../serve";
import { commandProvider } from "./provider";

serveProvider(commandProvider, process.argv.slice(2));
