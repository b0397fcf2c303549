// Loaded when it is needed: the largest library here. Its own index has yet more in it.
export { dkimSign } from "mailauth/lib/dkim/sign.js";
export { dkimVerify } from "mailauth/lib/dkim/verify.js";
export { dmarc } from "mailauth/lib/dmarc/index.js";
export { spf } from "mailauth/lib/spf/index.js";
