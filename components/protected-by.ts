/** Left out where it is not asked for, so that what the component itself was given (`protect` in its options) holds. */
export function protectedBy(protect: boolean): { protect?: true } {
    return protect ? { protect: true } : {};
}
