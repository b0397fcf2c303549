// Certificates of a mail host: which authority, which names, and how they get onto the host.
export { chosenAuthority, type Authority, type AuthorityArgs } from "./authorities";
export { Certificate, type CertificateArgs as HostCertificateArgs } from "./certificate";
export { certificateLineages, type CertificateLineage } from "./names";
