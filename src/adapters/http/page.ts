/** Text that may stand in HTML as it is. */
export type Html = { readonly html: string };

/** A template whose values are escaped, but for what is HTML already. */
export const html = (
  parts: TemplateStringsArray,
  ...values: readonly (string | number | Html | readonly Html[])[]
): Html => ({
  html: parts.reduce((all, part, i) => all + printed(values[i - 1] ?? "") + part),
});

const printed = (value: string | number | Html | readonly Html[]): string => {
  if (typeof value === "string" || typeof value === "number") return escaped(String(value));
  return "html" in value ? value.html : value.map((each) => each.html).join("");
};
const escaped = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

export type PageHead = {
  readonly language: string;
  readonly title: string;
  /** What the page needs beside that, as directives of its content security policy. */
  readonly allow?: Readonly<Record<string, string>>;
};

/**
 * An answer with a page of ours. Nothing foreign is loaded, and no script or style runs that does not bear this answer's nonce.
 */
export const pageResponse = (
  { language, title, allow = {} }: PageHead,
  parts: (nonce: string) => { readonly head: Html; readonly main: Html },
): Response => {
  const nonce = crypto.getRandomValues(new Uint8Array(16)).toBase64();
  const { head, main } = parts(nonce);
  const page = html`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
${head}
</head>
<body>
${main}
</body>
</html>
`;
  const policy = {
    "default-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    ...allow,
    "script-src": `'nonce-${nonce}'`,
    "style-src": `'nonce-${nonce}' ${allow["style-src"] ?? ""}`.trim(),
  };
  return new Response(page.html, {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": Object.entries(policy)
        .map((directive) => directive.join(" "))
        .join("; "),
      vary: "Accept-Language",
    },
  });
};
