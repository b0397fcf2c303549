import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, describe, test } from "node:test";
import * as fc from "fast-check";
import {
    literalLength,
    numbersOf,
    parseCommand,
    type Token,
} from "../../../local/stack/imap-command";
import { ImapMessage } from "../../../local/stack/imap-message";

describe("commands", () => {
    test("a command's words, strings and lists", () => {
        for (const [text, tokens] of [
            ["1 NOOP", ["1", "NOOP"]],
            ['a1 LOGIN "me@x" "p \\"q\\" \\\\"', ["a1", "LOGIN", "me@x", 'p "q" \\']],
            ["a LOGIN {2}\r\nme {3+}\r\na b", ["a", "LOGIN", "me", "a b"]],
            ["a FETCH 1:* (UID FLAGS)", ["a", "FETCH", "1:*", ["UID", "FLAGS"]]],
            [
                "a UID FETCH 1 (BODY.PEEK[HEADER.FIELDS (FROM TO)]<0.9> UID)",
                ["a", "UID", "FETCH", "1", ["BODY.PEEK[HEADER.FIELDS (FROM TO)]<0.9>", "UID"]],
            ],
            ['a LIST "" *', ["a", "LIST", "", "*"]],
            ["a SEARCH (OR (TO x) ALL)", ["a", "SEARCH", ["OR", ["TO", "x"], "ALL"]]],
            ["", []],
        ] satisfies [string, Token[]][]) {
            assert.deepEqual(parseCommand(text), tokens, text);
        }
    });

    for (const text of ["a (b", "a b)", 'a "b', "a {3}\r\nx", "a {3}", "a [b", "a ]"]) {
        test(`no command: ${JSON.stringify(text)}`, () => {
            assert.throws(() => parseCommand(text), SyntaxError);
        });
    }

    const tokens = fc.letrec<{ token: Token; list: Token[] }>((tie) => ({
        token: fc.oneof(
            { maxDepth: 4 },
            fc.string({ unit: "binary-ascii" }).filter((text) => !/[\r\n]/.test(text)),
            tie("list"),
        ),
        list: fc.array(tie("token"), { maxLength: 4 }),
    })).list;
    const write = (token: Token): string =>
        Array.isArray(token)
            ? `(${token.map(write).join(" ")})`
            : token.length % 2 === 0
              ? `"${token.replace(/["\\]/g, "\\$&")}"`
              : `{${token.length}}\r\n${token}`;

    test("whatever is written as strings and literals is read back", () => {
        fc.assert(
            fc.property(tokens, (list) => {
                assert.deepEqual(parseCommand(list.map(write).join(" ")), list);
            }),
        );
    });

    test("nothing else than a SyntaxError comes of any text", () => {
        fc.assert(
            fc.property(fc.string({ unit: fc.constantFrom(...'a {}()[]"\\\r\n1+') }), (text) => {
                try {
                    parseCommand(text);
                } catch (error) {
                    assert.ok(error instanceof SyntaxError);
                }
            }),
        );
    });

    test("a literal at a line's end is seen", () => {
        assert.deepEqual(literalLength("a LOGIN {12}"), { bytes: 12, waits: true });
        assert.deepEqual(literalLength("a LOGIN {12+}"), { bytes: 12, waits: false });
        assert.equal(literalLength("a LOGIN {12} x"), undefined);
    });

    test("a set chooses what there is", () => {
        const there = [2, 3, 7, 9];
        for (const [set, chosen] of [
            ["1:*", [2, 3, 7, 9]],
            ["*", [9]],
            ["3", [3]],
            ["4:8,2", [7, 2]],
            ["8:3", [3, 7]],
            ["20:*", [9]],
            ["4", []],
        ] as const) {
            assert.deepEqual(numbersOf(set, there), new Set(chosen), set);
        }
        assert.deepEqual(numbersOf("1:*", []), new Set());
        for (const set of ["", "a", "1,", "1:2:3", "-1"]) {
            assert.throws(() => numbersOf(set, there), SyntaxError, set);
        }
    });
});

describe("messages", () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-imap-"));
    after(() => fs.rmSync(folder, { recursive: true }));
    const messageOf = (text: string) => {
        const file = path.join(folder, "1.eml");
        fs.writeFileSync(file, text, "latin1");
        const received = new Date(Date.UTC(2026, 6, 7, 2, 44, 25));
        return new ImapMessage({ uid: 7, bytes: text.length, received, file });
    };
    const message = messageOf(
        [
            'From: "A \\"B\\"" <a@x.test>, b@y.test',
            "Subject: long",
            "\tand folded",
            "To: me@example.test",
            "Message-ID: <1@x.test>",
            "Content-Type: text/html; charset=utf-8",
            "",
            "B\xe4dy",
            "",
        ].join("\r\n"),
    );

    for (const [item, told] of [
        ["UID", "UID 7"],
        ["FLAGS", "FLAGS ()"],
        ["INTERNALDATE", 'INTERNALDATE "07-Jul-2026 02:44:25 +0000"'],
        ["BODY.PEEK[TEXT]", "BODY[TEXT] {6}\r\nB\xe4dy\r\n"],
        ["BODY[1]", "BODY[1] {6}\r\nB\xe4dy\r\n"],
        ["BODY[TEXT]<2.3>", "BODY[TEXT]<2> {3}\r\ndy\r"],
        ["BODY[TEXT]<9.3>", "BODY[TEXT]<9> {0}\r\n"],
        ["RFC822.TEXT", "RFC822.TEXT {6}\r\nB\xe4dy\r\n"],
        [
            "BODY.PEEK[HEADER.FIELDS (to SUBJECT)]",
            "BODY[HEADER.FIELDS (to SUBJECT)] {51}\r\nSubject: long\r\n\tand folded\r\nTo: me@example.test\r\n\r\n",
        ],
        [
            "BODY[HEADER.FIELDS.NOT (FROM SUBJECT TO MESSAGE-ID)]",
            "BODY[HEADER.FIELDS.NOT (FROM SUBJECT TO MESSAGE-ID)] {42}\r\nContent-Type: text/html; charset=utf-8\r\n\r\n",
        ],
        [
            "ENVELOPE",
            'ENVELOPE (NIL "long\tand folded" (("A \\"B\\"" NIL "a" "x.test")(NIL NIL "b" "y.test")) (("A \\"B\\"" NIL "a" "x.test")(NIL NIL "b" "y.test")) (("A \\"B\\"" NIL "a" "x.test")(NIL NIL "b" "y.test")) ((NIL NIL "me" "example.test")) NIL NIL NIL "<1@x.test>")',
        ],
        ["BODYSTRUCTURE", 'BODYSTRUCTURE ("text" "html" ("charset" "utf-8") NIL NIL "7bit" 6 1)'],
    ] as const) {
        test(`FETCH ${item}`, () => assert.equal(message.item(item, []), told));
    }

    test("the whole and its parts fit together", () => {
        const text = message.text;
        assert.equal(message.header + message.body, text);
        assert.equal(message.item("BODY[]", []), `BODY[] {${text.length}}\r\n${text}`);
        assert.equal(message.item("RFC822", ["\\Seen"]), `RFC822 {${text.length}}\r\n${text}`);
        assert.equal(message.item("RFC822.SIZE", []), `RFC822.SIZE ${text.length}`);
    });

    test("a message without a body is a header", () => {
        const bare = messageOf("Subject: x\r\n");
        assert.deepEqual([bare.header, bare.body], ["Subject: x\r\n", ""]);
        assert.deepEqual(bare.fields("subject"), ["x"]);
    });

    for (const item of ["MODSEQ", "BODY[2]", "BODY[1.2.MIME]", "BINARY[]", "BODY[]<1>"]) {
        test(`${item} is not there`, () => {
            assert.throws(() => message.item(item, []), SyntaxError);
        });
    }
});
