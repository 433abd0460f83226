import { mkdir, writeFile } from "node:fs/promises";
import { asyncApi } from "../adapters/wire/asyncapi.ts";

// Writes the bus's document anew: to be run, and its result committed, whenever a message has changed.

const file = new URL("../../docs/asyncapi.json", import.meta.url);
await mkdir(new URL(".", file), { recursive: true });
await writeFile(file, `${JSON.stringify(asyncApi(), null, 2)}\n`);
