/** Programs of the host that others than their own unit call. */
export const libraryFolder = "/usr/local/lib/mailhost";
