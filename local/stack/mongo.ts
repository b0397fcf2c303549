import * as net from "node:net";
import type { Db } from "mongodb";
import type { Environment } from "./environment";

const replySeconds = 5;
const databaseName = "forward_email";

let connection: Promise<Db> | undefined;

/** The database. Its driver is loaded when it is asked for first: twelve services start together. */
export function database(environment: Environment): Promise<Db> {
    connection ??= connect(environment).catch((error: unknown) => {
        connection = undefined;
        throw error;
    });
    return connection;
}

async function connect(environment: Environment): Promise<Db> {
    const { MongoClient } = await import("./mongo-driver.js");
    const address = `${environment.text("MONGO_HOST")}:${environment.number("MONGO_PORT")}`;
    const client = new MongoClient(`mongodb://${address}/`, {
        directConnection: true,
        retryWrites: false,
        serverSelectionTimeoutMS: replySeconds * 1000,
        maxPoolSize: 4,
    });
    await client.connect();
    return client.db(databaseName);
}

/** Asks MongoDB whether it is there, without its driver: one message of its protocol, whose answer tells enough. */
export function pingMongo(environment: Environment): Promise<void> {
    const socket = net.connect(environment.number("MONGO_PORT"), environment.text("MONGO_HOST"));
    socket.write(pingMessage());
    socket.setTimeout(replySeconds * 1000, () =>
        socket.destroy(new Error(`MongoDB did not answer within ${replySeconds} s`)),
    );
    return new Promise((resolve, reject) => {
        socket.once("data", () => {
            resolve();
            socket.destroy();
        });
        socket.on("error", reject);
        socket.on("close", () => reject(new Error("MongoDB closed the connection")));
    });
}

/** OP_MSG with `{ping: 1, $db: "admin"}`. */
function pingMessage(): Buffer {
    const fields = Buffer.from("\x10ping\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0", "latin1");
    const document = Buffer.concat([int32(4 + fields.length), fields]);
    const [requestId, responseTo, opMsg, flags] = [int32(1), int32(0), int32(2013), int32(0)];
    const rest = [requestId, responseTo, opMsg, flags, Buffer.from([0]), document];
    const length = rest.reduce((sum, part) => sum + part.length, 4);
    return Buffer.concat([int32(length), ...rest]);
}

function int32(value: number): Buffer {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    return bytes;
}
