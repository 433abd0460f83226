/**
 * Run by the pages of the payment window. In a frame it tells the page around it, of the same origin only, how the payment
 * ended, and that the payer wants to leave; the link to the merchant's page is then the other page's affair.
 */
export const FRAME_SCRIPT = `
(() => {
  if (window.parent === window) return;
  const tell = (message) => window.parent.postMessage(message, location.origin);
  const { result, autoClose } = document.querySelector("main").dataset;
  const close = () => tell({ type: "close" });
  if (result) tell(JSON.parse(result));
  if (autoClose) setTimeout(close, Number(autoClose) * 1000);
  for (const link of document.querySelectorAll("[data-back]")) link.hidden = true;
  for (const button of document.querySelectorAll("[data-close]")) {
    button.hidden = false;
    button.addEventListener("click", close);
  }
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
})();
`;

/**
 * What the merchant's page loads in place of the gateway's own script: `cp.CloudPayments` with `start`, and the older
 * `pay`, `charge` and `auth`. It opens the payment window over the page and answers with the widget's result.
 */
export const WIDGET_SCRIPT = `
(() => {
  const base = document.currentScript.src.replace(/\\/bundles\\/cloudpayments\\.js.*$/, "");
  const origin = new URL(base).origin;
  const CANCELLED = { type: "cancel" };

  const encode = (parameters) => {
    const bytes = new TextEncoder().encode(JSON.stringify(parameters));
    const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
    return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  };
  const overlay = (parameters) => {
    const dialog = document.createElement("dialog");
    const frame = document.createElement("iframe");
    frame.title = String(parameters.culture || "").startsWith("en") ? "Payment (sandbox)" : "Оплата (песочница)";
    frame.src = base + "/widget?intent=" + encode(parameters);
    Object.assign(dialog.style, { padding: "0", border: "0", width: "min(29rem, 100vw)", height: "min(50rem, 96vh)",
      maxWidth: "100vw", maxHeight: "100vh", borderRadius: "14px", overflow: "hidden" });
    Object.assign(frame.style, { border: "0", width: "100%", height: "100%", display: "block" });
    dialog.append(frame);
    document.body.append(dialog);
    dialog.showModal();
    return { dialog, frame };
  };
  const modern = (type, options) => ({
    publicTerminalId: options.publicId,
    paymentSchema: type === "auth" ? "Dual" : "Single",
    amount: options.amount,
    currency: options.currency,
    description: options.description,
    externalId: options.invoiceId,
    receiptEmail: options.email,
    emailBehavior: options.requireEmail ? "Required" : "Optional",
    tokenize: Boolean(options.accountId),
    userInfo: { accountId: options.accountId },
    metadata: options.data,
    retryPayment: options.retryPayment,
    autoClose: options.autoClose,
    successRedirectUrl: options.configuration?.common?.successRedirectUrl,
    failRedirectUrl: options.configuration?.common?.failRedirectUrl,
  });

  class CloudPayments {
    constructor(settings = {}) {
      this.culture = settings.language;
      this.oncomplete = null;
    }

    start(parameters) {
      return new Promise((resolve) => {
        const { dialog, frame } = overlay(parameters);
        let last = CANCELLED;
        const hear = (event) => {
          if (event.source !== frame.contentWindow || event.origin !== origin) return;
          if (event.data?.type === "close") return finish();
          last = event.data;
          this.oncomplete?.(last);
        };
        const finish = () => {
          window.removeEventListener("message", hear);
          dialog.remove();
          resolve(last);
          const { successRedirectUrl, failRedirectUrl } = parameters;
          const next = last.status === "success" ? successRedirectUrl : last.type === "payment" ? failRedirectUrl : null;
          if (next && /^https?:/.test(next)) location.assign(next);
        };
        window.addEventListener("message", hear);
        dialog.addEventListener("cancel", (event) => { event.preventDefault(); finish(); });
      });
    }

    async pay(type, options, handlers = {}) {
      const result = await this.start({ culture: this.culture, ...modern(type, options) });
      if (result.status === "success") handlers.onSuccess?.(options);
      else handlers.onFail?.(result.message ?? "User has cancelled", options);
      handlers.onComplete?.(result, options);
      return result;
    }

    charge(options, onSuccess, onFail) {
      return this.pay("charge", options, { onSuccess, onFail });
    }

    auth(options, onSuccess, onFail) {
      return this.pay("auth", options, { onSuccess, onFail });
    }
  }

  window.cp = { ...window.cp, CloudPayments };
})();
`;
