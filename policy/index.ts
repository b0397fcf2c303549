// The policy pack: `pulumi preview --policy-pack policy`. What each rule is for: docs/policy.md.
import { PolicyPack, type StackValidationPolicy } from "@pulumi/policy";
import { known } from "./known";
import { defaultProdStacks, rules, stackOf, type Rule } from "./rules";

function policy(rule: Rule): StackValidationPolicy {
    const { name, description, prodOnly } = rule;
    return {
        name,
        description,
        enforcementLevel: "mandatory",
        ...(prodOnly && {
            configSchema: {
                properties: {
                    prodStacks: {
                        type: "string",
                        description: "Regular expression of the names of stacks in production.",
                        default: defaultProdStacks,
                    },
                },
            },
        }),
        validateStack: (args, report) => {
            const { prodStacks = defaultProdStacks } = args.getConfig<{ prodStacks?: string }>();
            const stack = stackOf(args.resources[0]?.urn ?? "");
            if (prodOnly && !new RegExp(prodStacks).test(stack)) return;
            const resources = args.resources.map((each) => ({ ...each, props: known(each.props) }));
            for (const { resource, message } of rule.violations(resources)) {
                report(`${resource.type} ${resource.name}: ${message}`, resource.urn);
            }
        },
    };
}

new PolicyPack("mailhost", { policies: rules.map(policy) });
