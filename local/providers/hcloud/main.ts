import { serveProvider } from "../serve";
import { hcloudProvider } from "./provider";

serveProvider(hcloudProvider, process.argv.slice(2));
