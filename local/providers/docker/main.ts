import { serveProvider } from "../serve";
import { dockerProvider } from "./provider";

serveProvider(dockerProvider, process.argv.slice(2));
