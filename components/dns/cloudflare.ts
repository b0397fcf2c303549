export { CloudflareZone, type CloudflareZoneArgs } from "./cloudflare-zone";
