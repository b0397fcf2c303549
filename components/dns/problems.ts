import { domainProblem, emailProblem } from "../names";
import type { Problem } from "../problem";
import type { DnsPlanArgs } from "./plan";

/** Everything that is wrong with the arguments themselves. */
export function argumentProblems(args: DnsPlanArgs): Problem[] {
    return [domainProblem("domain", args.domain), emailProblem("email", args.email)].filter(
        (problem) => problem !== undefined,
    );
}
