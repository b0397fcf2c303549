import { serveProvider } from "../serve";
import { cloudflareProvider } from "./provider";

serveProvider(cloudflareProvider, process.argv.slice(2));
