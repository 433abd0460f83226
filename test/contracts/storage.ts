import { describe } from "bun:test";
import { batches } from "./storage-batches.ts";
import { commits } from "./storage-commits.ts";
import { constraints } from "./storage-constraints.ts";
import { loads } from "./storage-loads.ts";
import { writers } from "./storage-writers.ts";
import { type Open, shared } from "./subject.ts";

/** What `src/core/ports/storage.ts` promises, asked of one adapter. */
export const storageContract = (name: string, open: Open): void =>
  describe(`Storage: ${name}`, () => {
    const subject = shared(open);
    describe("one commit", () => commits(subject));
    describe("many commits", () => batches(subject));
    describe("constraints", () => constraints(subject));
    describe("loading", () => loads(subject));
    describe("many writers", () => writers(subject));
  });
