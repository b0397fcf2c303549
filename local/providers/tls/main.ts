import { serveProvider } from "../serve";
import { tlsProvider } from "./provider";

serveProvider(tlsProvider, process.argv.slice(2));
