import type { CardField } from "./cards.ts";
import type { IntentProblem } from "./intent.ts";
import type { Language } from "./reasons.ts";

type Texts = {
  readonly sandbox: string;
  readonly title: string;
  readonly order: string;
  readonly fields: Readonly<Record<CardField | "email", string>>;
  readonly wrong: Readonly<Record<CardField | "email", string>>;
  readonly outcome: string;
  readonly byCard: string;
  readonly decline: string;
  readonly pay: string;
  readonly close: string;
  readonly cards: string;
  readonly threeDs: string;
  readonly success: string;
  readonly noMoney: string;
  readonly tokenFails: string;
  readonly savesCard: string;
  readonly bank: string;
  readonly bankAsks: string;
  readonly approve: string;
  readonly refuse: string;
  readonly paid: string;
  readonly held: string;
  readonly declined: string;
  readonly number: string;
  readonly again: string;
  readonly back: string;
  readonly problem: string;
  readonly problems: Readonly<Record<IntentProblem | "session", string>>;
};

export const TEXTS: Readonly<Record<Language, Texts>> = {
  ru: {
    sandbox: "Песочница: настоящие деньги не списываются. Не вводите настоящую карту.",
    title: "Оплата",
    order: "Заказ",
    fields: {
      number: "Номер карты",
      expiry: "Срок, ММ/ГГ",
      cvc: "CVC",
      holder: "Имя владельца",
      email: "E-mail для чека",
    },
    wrong: {
      number: "Проверьте номер карты",
      expiry: "Месяц и год, как на карте: 12/30",
      cvc: "Три или четыре цифры",
      holder: "Не длиннее ста знаков",
      email: "Нужен адрес вида name@example.com",
    },
    outcome: "Чем закончится",
    byCard: "как задано картой",
    decline: "отказ",
    pay: "Оплатить",
    close: "Закрыть",
    cards: "Тестовые карты",
    threeDs: "3-D Secure",
    success: "успех",
    noMoney: "недостаточно средств",
    tokenFails: "списания по токену не проходят",
    savesCard: "Карта будет сохранена для следующих списаний.",
    bank: "Подтверждение в банке",
    bankAsks: "Это страница 3-D Secure песочницы. Подтвердить платёж?",
    approve: "Подтвердить",
    refuse: "Отказаться",
    paid: "Оплачено",
    held: "Сумма заблокирована на карте",
    declined: "Платёж не прошёл",
    number: "Номер операции",
    again: "Попробовать ещё раз",
    back: "Вернуться на сайт",
    problem: "Платёж открыть нельзя",
    problems: {
      unreadable: "Параметры платежа не читаются.",
      other_terminal: "publicTerminalId принадлежит не этой песочнице.",
      currency: "Неизвестная валюта.",
      amount: "Сумма должна быть больше нуля, не более двух знаков после точки.",
      schema: "paymentSchema должна быть Single или Dual.",
      account: "userInfo.accountId нужен для сохранения карты и короче 255 знаков.",
      session: "Такого платежа нет. Откройте окно оплаты заново.",
    },
  },
  en: {
    sandbox: "Sandbox: no real money moves. Do not enter a real card.",
    title: "Payment",
    order: "Order",
    fields: {
      number: "Card number",
      expiry: "Expiry, MM/YY",
      cvc: "CVC",
      holder: "Card holder",
      email: "E-mail for the receipt",
    },
    wrong: {
      number: "Check the card number",
      expiry: "Month and year as on the card: 12/30",
      cvc: "Three or four digits",
      holder: "A hundred characters at most",
      email: "An address like name@example.com is needed",
    },
    outcome: "How it ends",
    byCard: "as the card says",
    decline: "decline",
    pay: "Pay",
    close: "Close",
    cards: "Test cards",
    threeDs: "3-D Secure",
    success: "success",
    noMoney: "insufficient funds",
    tokenFails: "charges by token fail",
    savesCard: "The card will be saved for later charges.",
    bank: "Confirmation at the bank",
    bankAsks: "This is the sandbox's 3-D Secure page. Approve the payment?",
    approve: "Approve",
    refuse: "Refuse",
    paid: "Paid",
    held: "The sum is held on the card",
    declined: "The payment did not go through",
    number: "Transaction",
    again: "Try again",
    back: "Back to the site",
    problem: "The payment can't be opened",
    problems: {
      unreadable: "The parameters of the payment can't be read.",
      other_terminal: "publicTerminalId is not of this sandbox.",
      currency: "The currency is unknown.",
      amount: "The amount must be above zero, with two decimals at most.",
      schema: "paymentSchema must be Single or Dual.",
      account: "userInfo.accountId is needed to save a card, and shorter than 255 characters.",
      session: "There is no such payment. Open the payment window again.",
    },
  },
};
