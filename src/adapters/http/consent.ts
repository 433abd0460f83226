import { z } from "zod";
import { type Language, Refused } from "./problems.ts";
import { inLanguage } from "./schemas.ts";

/** What a payer agrees to by ticking automatic renewal. A text is never edited: another one is another version. */
const RENEWAL_CONSENT = {
  version: "v1",
  ru: "Я согласен на автоматическое продление подписки: в конце каждого периода с моей карты списывается цена тарифа за следующий период. Продление можно отключить в любой момент, карту — удалить; оплаченный период при этом сохраняется.",
  en: "I agree to automatic renewal: at the end of each period the plan's price for the next period is charged to my card. I can stop the renewal and remove the card at any time, and keep the period that is paid for.",
} as const;

export const consentView = z.object({ version: z.string(), text: z.string() }).meta({
  id: "RenewalConsent",
  description: "The text to show beside the tick of automatic renewal",
  examples: [{ version: RENEWAL_CONSENT.version, text: RENEWAL_CONSENT.en }],
});
export const consentOf = (language: Language) => ({
  version: RENEWAL_CONSENT.version,
  text: inLanguage(language, RENEWAL_CONSENT.ru, RENEWAL_CONSENT.en),
});

/** The fields of a body in which a payer ticks automatic renewal. */
export const consentFields = {
  consent: z
    .boolean()
    .optional()
    .meta({
      description: "Whether automatic renewal was ticked, beside the text that the plans give",
      examples: [true],
    }),
  consentVersion: z
    .string()
    .max(64)
    .optional()
    .meta({
      description: "Version of the text that was shown; the one in force if left out",
      examples: [RENEWAL_CONSENT.version],
    }),
};

/** The version that was ticked; null: it was not. Nobody is bound by a text other than the one that was shown. */
export const tickedVersion = (body: {
  readonly consent?: boolean | undefined;
  readonly consentVersion?: string | undefined;
}): string | null => {
  if (body.consent !== true) return null;
  const { version } = RENEWAL_CONSENT;
  if ((body.consentVersion ?? version) !== version)
    throw new Refused("consent_replaced", { facts: { consentVersion: version } });
  return version;
};
