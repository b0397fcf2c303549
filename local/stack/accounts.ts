import {
    createHash,
    generateKeyPair,
    randomBytes,
    randomUUID,
    scrypt,
    timingSafeEqual,
} from "node:crypto";
import { promisify } from "node:util";
import type { Collection, Db } from "mongodb";
import { decrypt, encrypt } from "./encryption";
import type { Environment } from "./environment";
import { database } from "./mongo";

export interface User {
    /** The address. */
    _id: string;
    group: "admin" | "user";
    /** `<salt hex>:<hash hex>` */
    password: string;
    /** 24 characters. */
    api_token: string;
}

export interface Domain {
    /** The name. */
    _id: string;
    owner: string;
    has_smtp: boolean;
    verification_record: string;
    dkim_key_selector: string;
    /** Base64 of the DER, as a DKIM record has it. */
    dkim_public_key: string;
    /** PEM, encrypted. */
    dkim_private_key: string;
}

export interface Alias {
    /** The address. */
    _id: string;
    id: string;
    name: string;
    domain: string;
    has_imap: boolean;
    /** Encrypted. None until one is generated. */
    password?: string;
}

/** What is wrong with a request, told to who made it. */
export class Refusal extends Error {
    constructor(
        readonly status: 400 | 401 | 404 | 409,
        message: string,
    ) {
        super(message);
    }
}

const duplicateKey = 11000;
const shortestPassword = 8;
const hashPassword = promisify<string, string, number, Buffer>(scrypt);

/** Users, their domains and the aliases of these. Every key is natural, so that MongoDB keeps it single. */
export class Accounts {
    private constructor(
        private readonly environment: Environment,
        private readonly db: Db,
    ) {}

    static async open(environment: Environment): Promise<Accounts> {
        return new Accounts(environment, await database(environment));
    }

    private get users(): Collection<User> {
        return this.db.collection<User>("users");
    }

    private get domains(): Collection<Domain> {
        return this.db.collection<Domain>("domains");
    }

    private get aliases(): Collection<Alias> {
        return this.db.collection<Alias>("aliases");
    }

    async hasAdministrator(): Promise<boolean> {
        return (await this.users.findOne({ group: "admin" })) !== null;
    }

    async register(email: string, password: string): Promise<User> {
        if (!/^[^@\s]+@[^@\s]+$/.test(email)) throw new Refusal(400, "Invalid email address.");
        if (password.length < shortestPassword) throw new Refusal(400, "Password is too weak.");
        const salt = randomBytes(16).toString("hex");
        const hash = (await hashPassword(password, salt, 32)).toString("hex");
        const user: User = {
            _id: email.toLowerCase(),
            group: (await this.hasAdministrator()) ? "user" : "admin",
            password: `${salt}:${hash}`,
            api_token: randomBytes(12).toString("hex"),
        };
        await insertOnce(this.users, user, "A user has this address already.");
        return user;
    }

    async login(email: string, password: string): Promise<User> {
        const user = await this.user(email);
        const [salt = "", hash = ""] = user?.password.split(":") ?? [];
        const given = await hashPassword(password, salt, 32);
        if (!user || !timingSafeEqual(given, Buffer.from(hash, "hex"))) {
            throw new Refusal(401, "Wrong address or password.");
        }
        return user;
    }

    user(email: string): Promise<User | null> {
        return this.users.findOne({ _id: email.toLowerCase() });
    }

    userOfToken(token: string): Promise<User | null> {
        return this.users.findOne({ api_token: token });
    }

    domainsOf(user: User): Promise<Domain[]> {
        return this.domains.find({ owner: user._id }).toArray();
    }

    domain(name: string): Promise<Domain | null> {
        return this.domains.findOne({ _id: name.toLowerCase() });
    }

    /** @throws Refusal for a domain that isn't the user's. */
    async ownDomain(user: User, name: string): Promise<Domain> {
        const domain = await this.domain(name);
        if (domain?.owner !== user._id) throw new Refusal(404, "Domain does not exist.");
        return domain;
    }

    /** Makes a domain, with a key and a selector that nobody could have known before. */
    async createDomain(user: User, name: string): Promise<Domain> {
        if (!/^(?=.{4,253}$)([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]+$/i.test(name)) {
            throw new Refusal(400, "Invalid domain name.");
        }
        const { publicKey, privateKey } = await promisify(generateKeyPair)("rsa", {
            modulusLength: 2048,
        });
        const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
        const domain: Domain = {
            _id: name.toLowerCase(),
            owner: user._id,
            has_smtp: false,
            verification_record: randomBytes(5).toString("hex"),
            dkim_key_selector: `fe-${randomBytes(5).toString("hex")}`,
            dkim_public_key: publicKey.export({ type: "spki", format: "der" }).toString("base64"),
            dkim_private_key: encrypt(this.environment, pem),
        };
        await insertOnce(this.domains, domain, "Domain already exists.");
        return domain;
    }

    async allowSending(domain: Domain): Promise<void> {
        await this.domains.updateOne({ _id: domain._id }, { $set: { has_smtp: true } });
    }

    /** PEM. */
    signingKey(domain: Domain): string {
        return decrypt(this.environment, domain.dkim_private_key);
    }

    aliasesOf(domain: Domain): Promise<Alias[]> {
        return this.aliases.find({ domain: domain._id }).toArray();
    }

    alias(address: string): Promise<Alias | null> {
        return this.aliases.findOne({ _id: address.toLowerCase() });
    }

    async createAlias(domain: Domain, name: string, hasImap: boolean): Promise<Alias> {
        // Names a folder as well.
        if (!/^[a-z0-9]([a-z0-9._+-]*[a-z0-9])?$/i.test(name)) {
            throw new Refusal(400, "Invalid alias name.");
        }
        const alias: Alias = {
            _id: `${name}@${domain._id}`.toLowerCase(),
            id: randomUUID(),
            name: name.toLowerCase(),
            domain: domain._id,
            has_imap: hasImap,
        };
        await insertOnce(this.aliases, alias, "Alias already exists.");
        return alias;
    }

    /** The password can't be had again. `alias` is its id or its name. */
    async generatePassword(
        domain: Domain,
        alias: string,
        given?: string,
    ): Promise<{ address: string; password: string }> {
        const found = (await this.aliasesOf(domain)).find(
            ({ id, name }) => id === alias || name === alias.toLowerCase(),
        );
        if (!found) throw new Refusal(404, "Alias does not exist.");
        const password = given ?? randomBytes(18).toString("base64url");
        if (password.length < shortestPassword) throw new Refusal(400, "Password is too weak.");
        const sealed = encrypt(this.environment, password);
        await this.aliases.updateOne({ _id: found._id }, { $set: { password: sealed } });
        return { address: found._id, password };
    }

    /**
     * The alias, when the password is its.
     *
     * @throws Error when its password was encrypted with another key.
     */
    async authenticate(address: string, password: string): Promise<Alias | undefined> {
        const alias = await this.alias(address);
        if (!alias?.password) return undefined;
        const expected = decrypt(this.environment, alias.password);
        const digest = (text: string) => createHash("sha256").update(text).digest();
        return timingSafeEqual(digest(password), digest(expected)) ? alias : undefined;
    }
}

async function insertOnce<T extends { _id: string }>(
    collection: Collection<T>,
    value: T,
    taken: string,
): Promise<void> {
    try {
        await collection.insertOne(value as never);
    } catch (error) {
        if ((error as { code?: unknown }).code === duplicateKey) throw new Refusal(409, taken);
        throw error;
    }
}
