import { runDavService } from "../dav-service";

void runDavService("caldav");
