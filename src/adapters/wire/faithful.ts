import type { z } from "zod";

/**
 * A table with one schema for each member of a tagged union of the core, given without its `type`. It compiles only while
 * every schema says exactly what its type says: no field more, less or optional, no other type, no variant forgotten.
 * Give the table as a literal, and the compiler complains at the very entry.
 */
export const faithful =
  <Union extends Tagged>() =>
  <const Schemas>(schemas: Schemas & Objections<Differing<Schemas, Union>>): Schemas =>
    schemas;

type Tagged = { readonly type: string };
type Objections<Names extends PropertyKey> = { readonly [Name in Names]: "this schema and its type differ" };

type Differing<Schemas, Union extends Tagged> =
  | Exclude<keyof Schemas, Union["type"]>
  | {
      [Type in Union["type"]]: Type extends keyof Schemas
        ? Schemas[Type] extends z.ZodType<infer Output>
          ? Same<Plain<Output>, Plain<Omit<Extract<Union, { type: Type }>, "type">>> extends true
            ? never
            : Type
          : Type
        : Type;
    }[Union["type"]];

/** Intersections become one object and all is read-only, so that two ways to write the same type are the same. */
type Plain<T> = T extends string | number | bigint | boolean | null | undefined
  ? T
  : { readonly [Key in keyof T]: Plain<T[Key]> };
/** The compiler compares the conditions of two generic functions for identity: stricter than assigning both ways. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
