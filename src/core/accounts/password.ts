import { err, ok, type Result } from "../result.ts";

/** A password that is the only factor (failures, part 5). Counted in code points, as a person counts characters. */
export const PASSWORD_AT_LEAST = 15;
export const PASSWORD_AT_MOST = 128;

type PasswordRefusal =
  | { readonly code: "password_too_short"; readonly atLeast: number }
  | { readonly code: "password_too_long"; readonly atMost: number };

/** A new password: any characters, kept exactly as typed, only long enough. */
export const checkPassword = (password: string): Result<null, PasswordRefusal> => {
  if (isOverlong(password)) return err({ code: "password_too_long", atMost: PASSWORD_AT_MOST });
  if ([...password].length < PASSWORD_AT_LEAST) return err({ code: "password_too_short", atLeast: PASSWORD_AT_LEAST });
  return ok(null);
};

/** Whether a password at sign-in is worth hashing. Short ones are: the rule for new ones may have been another one once. */
export const couldBePassword = (password: string): boolean => password !== "" && !isOverlong(password);

/** A code point has two units at most; what is longer is not taken apart. */
const isOverlong = (password: string): boolean =>
  password.length > 2 * PASSWORD_AT_MOST || [...password].length > PASSWORD_AT_MOST;
