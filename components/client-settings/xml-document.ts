import XMLBuilder from "fast-xml-builder";

const builder = new XMLBuilder({ format: true, ignoreAttributes: false });

/** XML of an object: keys are elements in their order, `@_name` attributes, lists repeated elements. All is escaped. */
export function xmlDocument(content: object): string {
    return builder.build({ "?xml": { "@_version": "1.0", "@_encoding": "UTF-8" }, ...content });
}
