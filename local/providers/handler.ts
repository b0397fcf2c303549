import type { Difference } from "./diff";
import type { CheckFailure, Properties, PropertyTable, Values } from "./schema";

/** Anything that JSON can hold; what is undefined is left out. */
export type Outputs = { [key: string]: unknown };

/** What handlers are given beside their resource. */
export interface Context {
    /** The provider's checked configuration. */
    config: Properties;
    /** The resource's URN; empty for functions. */
    urn: string;
    /** The resource's logical name; empty for functions. */
    name: string;
    /** Shows a line to the user, at the resource. */
    log(severity: "debug" | "info" | "warning" | "error", message: string): void;
    /** Shows a line that the next one replaces, while the resource is being worked on. */
    status(message: string): void;
    /** Aborted when the user cancels, and when the resource's custom timeout is over. */
    signal: AbortSignal;
}

/** Old and new inputs, for rules that a table can't express. In `news` unknown values may stand. */
export interface Change {
    id: string;
    state: Properties;
    olds: Properties;
    news: Properties;
}

/** What the engine keeps of a resource. */
export interface State<I, O> {
    id: string;
    inputs: I;
    /** Inputs and outputs, as create, read or update returned them last. */
    outputs: Partial<I & O>;
}

type Eventually<T> = T | Promise<T>;

/** One kind of resource; `I` and `O` are the values of its tables, see {@link resource}. */
export interface ResourceHandler<I = Properties, O = Properties> {
    inputs: PropertyTable;
    /** What the resource has beyond the given inputs. A property that is both is known when it was given. */
    outputs: PropertyTable;
    /**
     * Judges what a table can't. Called when the table finds no fault; unknown values may stand in the inputs.
     *
     * @param olds the inputs so far; undefined at the first time.
     * @returns failures, and the inputs if they are to be other ones (a name made up).
     */
    check?(
        inputs: Properties,
        olds: Properties | undefined,
        context: Context,
    ): { inputs?: Properties; failures?: CheckFailure[] };
    /** What the table compares with what. Absent: the old inputs with the new ones. */
    compared?(change: Change): { olds: Properties; news: Properties };
    /** Corrects the table's differences: returns those that count, and whether the old one must go first. */
    diff?(
        differences: Difference[],
        change: Change,
    ): { differences?: Difference[]; deleteBeforeReplace?: boolean };
    /** @throws {@link InitializationFailure} when it was made and isn't ready: the engine keeps it, and tries update next. */
    create(inputs: I, context: Context): Eventually<{ id: string; outputs: Outputs }>;
    /**
     * For refresh and import: `known` is undefined on import. Absent: a refresh finds what was known.
     *
     * @returns undefined when it is gone.
     */
    read?(
        id: string,
        known: State<I, O> | undefined,
        context: Context,
    ): Eventually<{ id: string; inputs: Outputs; outputs: Outputs } | undefined>;
    /** Absent: every change replaces. Returns all outputs. */
    update?(old: State<I, O>, news: I, context: Context): Eventually<{ outputs: Outputs }>;
    /** Absent: forgotten without further ado. */
    delete?(old: State<I, O>, context: Context): Promise<void>;
}

/** One function (`getX`). */
export interface FunctionHandler<I = Properties> {
    inputs: PropertyTable;
    outputs: PropertyTable;
    invoke(args: I, context: Context): Promise<Outputs>;
}

/** Types a handler by its tables. */
export function resource<const I extends PropertyTable, const O extends PropertyTable>(
    handler: { inputs: I; outputs: O } & ResourceHandler<Values<I>, Values<O>>,
): ResourceHandler;
export function resource(handler: unknown): ResourceHandler {
    return handler as ResourceHandler;
}

/** Types a function's handler by its table. */
export function providerFunction<const I extends PropertyTable>(
    handler: { inputs: I } & FunctionHandler<Values<I>>,
): FunctionHandler;
export function providerFunction(handler: unknown): FunctionHandler {
    return handler as FunctionHandler;
}

/** A provider: its resources and functions by token, e.g. `random:index/randomId:RandomId`. */
export interface Provider {
    name: string;
    /** The npm package's version. */
    version: string;
    config: PropertyTable;
    /** What the table can't judge of the configuration. Values unknown at preview are left out. */
    checkConfig?(config: Properties): CheckFailure[];
    /** @throws Error when the provider can't work with its checked configuration. */
    configure?(config: Properties): Promise<void>;
    resources: Record<string, ResourceHandler>;
    functions: Record<string, FunctionHandler>;
}

/** The resource exists but isn't ready: the engine records it with the error, and updates it the next time. */
export class InitializationFailure extends Error {
    constructor(
        readonly id: string,
        readonly outputs: Outputs,
        reason: string,
    ) {
        super(reason);
    }
}
