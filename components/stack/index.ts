// The mail services: planned purely, deployed as releases.
export { defaultImages } from "./images";
export { lookUpImages } from "./image-lookup";
export type {
    FileOwner,
    ImageName,
    Profile,
    Release,
    ReleaseFile,
    StackSecrets,
    VerifiedPort,
} from "./model";
export {
    boundPorts,
    furtherImages,
    planStack,
    renderRelease,
    stackProblems,
    type StackContext,
    type StackOptions,
    type StackPlan,
    type StackSurroundings,
} from "./plan";
export type { HealthCheckOverride, ServiceOverride, ServiceOverrides } from "./service-overrides";
export { Stack, type StackArgs, type StackFacts } from "./stack";
export { StackKeys, type DataKeys, type StackKeysArgs } from "./stack-secrets";
