// Everything that the package exports. Its parts have entries of their own: `pulumi-mailhost/dns` and so on.
export {
    MailHost,
    type CertificateArgs,
    type MailHostArgs,
    type SecretDelivery,
} from "./mail-host";
export { formatProblems, type Problem } from "./problem";
export * from "./certificate";
export * from "./dns";
export * from "./host";
export * from "./server";
export * from "./stack";
