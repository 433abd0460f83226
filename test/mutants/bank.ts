/** A defect that users of other billing systems have met, made again in a place of ours. */
export type Mutant = {
  /** What goes wrong, in the words of who suffers it. */
  readonly name: string;
  readonly file: string;
  /** Found exactly once in the file. */
  readonly from: string;
  readonly to: string;
  /** The suites that must notice. */
  readonly suites: readonly string[];
};

const WORK = "test/core/work";
const INVOICE = "test/core/invoice";
const BILLING = "test/core/billing";

export const BANK: readonly Mutant[] = [
  {
    name: "paid twice after an unknown: a new try while the old one is being asked about",
    file: "src/core/invoice/payment.ts",
    from: 'const unknown = state.attempts.find(({ status }) => status === "unknown") ??',
    to: "const unknown = state.attempts.find(() => false) ??",
    suites: [INVOICE],
  },
  {
    name: "charged while nobody knows what became of the payer who was let through",
    file: "src/core/invoice/payment.ts",
    from: "?? letThrough(state);",
    to: ";",
    suites: [INVOICE],
  },
  {
    name: "who was let through by an offer that was closed meanwhile is forgotten",
    file: "src/core/invoice/payment.ts",
    from: '  if (attempt.status === "closed") return ok([accepted, { type: "PaymentUnknown", attemptId, at }]);\n',
    to: "",
    suites: [`${WORK}/look-ups.test.ts`],
  },
  {
    name: "an offer gives way without asking about the payer whom it let through",
    file: "src/core/invoice/payment.ts",
    from: 'if (offer.check !== null) return [{ type: "PaymentUnknown", attemptId, at }];',
    to: "",
    suites: [INVOICE],
  },
  {
    name: "a late decline overwrites the payment that had arrived",
    file: "src/core/invoice/payment.ts",
    from: 'if (status === "succeeded" || status === "mismatched" || status === "declined") return ok([]);',
    to: "",
    suites: [INVOICE],
  },
  {
    name: "one empty look-up is taken as proof that nothing happened",
    file: "src/core/invoice/reading.ts",
    from: 'if (second === undefined) return { by: "find", from: plusMs(first.at, LOOK_UP_GAP_MS) };',
    to: "",
    suites: [INVOICE],
  },
  {
    name: "a payment told of twice is counted twice",
    file: "src/core/invoice/payment.ts",
    from: "  if (isRecorded(state, capture)) return ok([]);\n",
    to: "",
    suites: [INVOICE],
  },
  {
    name: "a second payment of one invoice is kept",
    file: "src/core/billing/money-back.ts",
    from: 'if (capture.role === "extra" && isPositive(left))',
    to: "if (false)",
    suites: [`${WORK}/callback-door.test.ts`],
  },
  {
    name: "money that is only held counts as paid",
    file: "src/core/invoice/payment.ts",
    from: 'return onlyAuthorised ? "only_authorised" : null;',
    to: "return null;",
    suites: [INVOICE],
  },
  {
    name: "another account's payment settles the invoice",
    file: "src/core/invoice/payment.ts",
    from: 'if (accountId !== null && accountId !== terms.accountId) return "account";',
    to: "",
    suites: [INVOICE],
  },
  {
    name: "refunds above what was captured",
    file: "src/core/invoice/refund.ts",
    from: 'return compare(amount, left) > 0 ? { code: "refund_above_captured", left } : null;',
    to: "return null;",
    suites: [INVOICE],
  },
  {
    name: "refunds of negative sums",
    file: "src/core/invoice/refund.ts",
    from: 'return isPositive(amount) ? null : { code: "amount_not_positive" };',
    to: "return null;",
    suites: [INVOICE],
  },
  {
    name: "a refund recorded twice: the callback beats the answer",
    file: "src/core/invoice/refund.ts",
    from: "if (refundByTransaction(capture, transactionId) !== null) return ok([]);",
    to: "",
    suites: [INVOICE],
  },
  {
    name: "a refund sent by two workers at once",
    file: "src/core/invoice/refund.ts",
    from: 'if (asked.refund.status !== "reserved") return err({ code: "refund_in_flight" });',
    to: "",
    suites: [INVOICE, `${WORK}/refunds.test.ts`],
  },
  {
    name: "a refund sent again after its answer was lost",
    file: "src/core/work/send-refund.ts",
    from: 'if (answer.error.code === "answer_lost") return "lost";',
    to: "",
    suites: [`${WORK}/refunds.test.ts`],
  },
  {
    name: "a refund whose callback never came stays pending for ever",
    file: "src/core/work/look-up-refund.ts",
    from: "  if (found !== null) return ended(await run.byGateway(payments, found), OVER);\n",
    to: '  if (found !== null) return { status: "done" };\n',
    suites: [`${WORK}/refunds.test.ts`],
  },
  {
    name: "a dead worker's refund is forgotten",
    file: "src/core/billing/rows.ts",
    from: 'if (refund.status === "in_flight" || refund.status === "unknown") {',
    to: 'if (refund.status === "unknown") {',
    suites: [`${WORK}/refunds.test.ts`],
  },
  {
    name: "asking again makes a second subscription and a second invoice",
    file: "src/core/billing/start.ts",
    from: "if (current.terms.plan === command.plan) return ok({ subscriptionId: currentId, invoiceId });",
    to: "",
    suites: [`${BILLING}/start.test.ts`],
  },
  {
    name: "the anchor's day drifts: 31 January, 28 February, 28 March",
    file: "src/core/subscription/calendar.ts",
    from: "  return instantOf(Temporal.PlainDateTime.from(anchor.wall).add(days).toZonedDateTime(anchor.zone).epochMilliseconds);",
    to: "  const day = Math.min(28, Temporal.PlainDateTime.from(anchor.wall).day);\n  return instantOf(Temporal.PlainDateTime.from(anchor.wall).with({ day }).add(days).toZonedDateTime(anchor.zone).epochMilliseconds);",
    suites: ["test/core/subscription/calendar.test.ts"],
  },
  {
    name: "paid, and no access",
    file: "src/core/billing/subscription-rows.ts",
    from: "if (access === null) return [];",
    to: "if (access !== null) return [];",
    suites: [`${BILLING}/first-payment.test.ts`],
  },
  {
    name: "two payers of one offer are both let through",
    file: "src/adapters/memory/intake.ts",
    from: 'if (others.length > 0) return ok("another");',
    to: "",
    suites: [`${WORK}/check.test.ts`],
  },
  {
    name: "a tampered sum is let through",
    file: "src/core/invoice/check.ts",
    from: 'if (asked.amount.minor !== attempt.amountMinor || asked.amount.currency !== attempt.currency) return "other_amount";',
    to: "",
    suites: [`${WORK}/check.test.ts`],
  },
  {
    name: "a known duplicate is answered with an error",
    file: "src/core/work/callback-door.ts",
    from: '  if (accepted.value.status !== "other_body") {',
    to: '  if (accepted.value.status === "repeated") return "try_again";\n  if (accepted.value.status !== "other_body") {',
    suites: [`${WORK}/callback-door.test.ts`],
  },
  {
    name: "a fact that comes before its payment is dropped",
    file: "src/core/work/updater.ts",
    from: "      else await putAside(ports, row, came.outcome.refusal.code);\n",
    to: "      else await ports.intake.wait(row.entry.id, plusMs(ports.now(), 365 * FACT_WAITS_MS));\n",
    suites: [`${WORK}/callback-door.test.ts`],
  },
  {
    name: "one poisoned command stops all others",
    file: "src/core/work/updater.ts",
    from: "    for (const row of rows) each.push(...(await executeAll(ports, [row], failures)));\n",
    to: "",
    suites: [`${WORK}/updater.test.ts`],
  },
  {
    name: "one key serves two accounts: a stranger's outcome is answered",
    file: "src/core/work/requests.ts",
    from: "JSON.stringify([asker, operation,",
    to: "JSON.stringify([operation,",
    suites: [`${WORK}/requests.test.ts`],
  },
  {
    name: "keys are not passed on: a repeated request is another one",
    file: "src/core/work/requests.ts",
    from: "[asker, operation, key === null",
    to: "[asker, operation, key !== undefined",
    suites: [`${WORK}/requests.test.ts`],
  },
  {
    name: "a stranger reads what became of a command",
    file: "src/core/work/requests.ts",
    from: " || entry.value.accountId !== accountId",
    to: "",
    suites: [`${WORK}/requests.test.ts`],
  },
  {
    name: "events are marked before the bus has them",
    file: "src/core/work/relay.ts",
    from: "  if (!published.ok) return false;\n",
    to: "",
    suites: [`${WORK}/relay.test.ts`],
  },
  {
    name: "events are told twice for ever",
    file: "src/core/work/relay.ts",
    from: "await outbox.relayed(messages.value.map(({ position }) => position))",
    to: "await outbox.relayed([])",
    suites: [`${WORK}/relay.test.ts`],
  },
  {
    name: "late jobs beyond the first page never run",
    file: "src/core/work/sweep.ts",
    from: "if (rows.value.length < BATCH_ROWS) return;",
    to: "return;",
    suites: [`${WORK}/relay.test.ts`],
  },
  {
    name: "what is somebody else's may be asked for",
    file: "src/core/billing/billing.ts",
    from: 'if (actor.kind === "payer" && actor.accountId !== owner) return err({ code: "not_found" });',
    to: "",
    suites: [`${BILLING}/outcome.test.ts`],
  },
  {
    name: "limits are counted at the door alone",
    file: "src/core/accounts/desk.ts",
    from: "  const passage = await ports.limits.count(ports.signUpLimits, callerOf(asked.address));\n  if (!passage.ok) return passage;\n",
    to: "",
    suites: ["test/core/accounts"],
  },
  {
    name: "a token outlives its log-out",
    file: "src/core/accounts/desk.ts",
    from: "const session = await ports.accounts.session(",
    to: "const session = { ok: true as const, value: claims } as never as Awaited<ReturnType<typeof ports.accounts.session>>; void (",
    suites: ["test/core/accounts"],
  },
  {
    name: "a caller's own X-Forwarded-For is believed",
    file: "src/adapters/http/addresses.ts",
    from: "while (isTrusted(client, trusted)) {",
    to: "while (hops.length > 0 || isTrusted(client, trusted)) {",
    suites: ["test/adapters/http"],
  },
  {
    name: "an unsigned callback is believed",
    file: "src/adapters/cloudpayments/callbacks.ts",
    from: '      if (!isSigned(call, apiSecrets)) return err({ code: "not_signed" });\n',
    to: "",
    suites: ["test/adapters/cloudpayments/callbacks.test.ts"],
  },
  {
    name: "a redirect takes our credentials along",
    file: "src/adapters/cloudpayments/connection.ts",
    from: 'redirect: "manual"',
    to: 'redirect: "follow"',
    suites: ["test/adapters/cloudpayments/faults.test.ts"],
  },
];
