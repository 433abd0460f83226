export type TestCard = {
  readonly number: string;
  readonly threeDs: boolean;
  /** Reason code of a payment by a person; zero is success. */
  readonly payment: number;
  /** Reason code of a charge by the card's token. */
  readonly byToken: number;
};

const INSUFFICIENT = 5051;

const block = (numbers: readonly string[], rest: Omit<TestCard, "number">): readonly TestCard[] =>
  numbers.map((number) => ({ number: number.replaceAll(" ", ""), ...rest }));

/** The gateway's documented test cards, in its order. */
export const TEST_CARDS: readonly TestCard[] = [
  ...block(["4242 4242 4242 4242", "5555 5555 5555 4444", "2200 0000 0000 0004"], {
    threeDs: true,
    payment: 0,
    byToken: 0,
  }),
  ...block(["4012 8888 8888 1881", "5105 1051 0510 5100", "2202 2022 0220 2200"], {
    threeDs: true,
    payment: INSUFFICIENT,
    byToken: INSUFFICIENT,
  }),
  ...block(["4000 0000 0000 3055", "5205 0000 0000 3055", "2202 0000 0000 3055"], {
    threeDs: false,
    payment: 0,
    byToken: 0,
  }),
  ...block(["4111 1111 1111 1111", "5200 8282 8282 8210", "2200 0000 2222 2222"], {
    threeDs: false,
    payment: 0,
    byToken: INSUFFICIENT,
  }),
  ...block(["4000 0566 5566 5556", "5404 0000 0000 0043", "2203 0000 0000 0043"], {
    threeDs: false,
    payment: INSUFFICIENT,
    byToken: INSUFFICIENT,
  }),
];

/** A card as it was typed into the page. The number lives no longer than the request. */
export type TypedCard = {
  readonly number: string;
  readonly month: number;
  /** Four digits. */
  readonly year: number;
  readonly holder: string;
};
export type CardField = "number" | "expiry" | "cvc" | "holder";

/** @returns the card, or the fields that a person has to look at again */
export const readCard = (typed: Readonly<Record<CardField, string>>): TypedCard | readonly CardField[] => {
  const number = typed.number.replaceAll(/[\s-]/g, "");
  const [, month = "", year = ""] = /^(\d{2})\s*\/?\s*(?:20)?(\d{2})$/.exec(typed.expiry.trim()) ?? [];
  const wrong: CardField[] = [];
  if (!isTestCard(number) && !(/^\d{13,19}$/.test(number) && passesLuhn(number))) wrong.push("number");
  if (!(Number(month) >= 1 && Number(month) <= 12)) wrong.push("expiry");
  if (!/^\d{3,4}$/.test(typed.cvc.trim())) wrong.push("cvc");
  if (typed.holder.length > 100) wrong.push("holder");
  if (wrong.length > 0) return wrong;
  return { number, month: Number(month), year: 2000 + Number(year), holder: typed.holder.trim() };
};

/** A card that nobody documents behaves like a good one without 3-D Secure. */
export const behaviourOf = (number: string): TestCard =>
  TEST_CARDS.find((card) => card.number === number) ?? { number, threeDs: false, payment: 0, byToken: 0 };

/** The bank's reason for a card whose month is over. */
export const EXPIRED_CARD = 5054;

/** A card is good to the end of its month. */
export const isExpired = (card: Pick<TypedCard, "month" | "year">, atMs: number): boolean =>
  atMs >= Date.UTC(card.year, card.month, 1);

export const cardTypeOf = (number: string): string => {
  const bin = Number(number.slice(0, 4));
  if (bin >= 2200 && bin <= 2204) return "MIR";
  if (number.startsWith("4")) return "Visa";
  if ((bin >= 5100 && bin < 5600) || (bin >= 2221 && bin <= 2720)) return "MasterCard";
  return /^(5|6)/.test(number) ? "Maestro" : "Unknown";
};

export const groupedNumber = (number: string): string => number.replaceAll(/(\d{4})(?=\d)/g, "$1 ");

export const printExpiry = ({ month, year }: Pick<TypedCard, "month" | "year">): string =>
  `${String(month).padStart(2, "0")}/${String(year % 100).padStart(2, "0")}`;

const isTestCard = (number: string): boolean => TEST_CARDS.some((card) => card.number === number);

const passesLuhn = (number: string): boolean => {
  const sum = [...number].reverse().reduce((total, digit, place) => {
    const weighted = Number(digit) * (place % 2 === 1 ? 2 : 1);
    return total + (weighted > 9 ? weighted - 9 : weighted);
  }, 0);
  return sum % 10 === 0;
};
