import type { AccountId, NoticeId } from "../ids.ts";
import type { Result } from "../result.ts";
import type { NoticeKind } from "../subscription/subscription.ts";

/** Hands a recorded notice to the mail. The address is the account's, looked up by the adapter; the core never sees it. */
export interface Mail {
  /** Once for each notice: the same id again is not sent again. */
  send(notice: {
    readonly noticeId: NoticeId;
    readonly accountId: AccountId;
    readonly kind: NoticeKind;
  }): Promise<Result<null, MailFault>>;
}
export type MailFault =
  | { readonly code: "mail_unavailable"; readonly retryAfterMs: number }
  | { readonly code: "no_address" };
