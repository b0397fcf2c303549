import { serveProvider } from "../serve";
import { digitalOceanProvider } from "./provider";

serveProvider(digitalOceanProvider, process.argv.slice(2));
