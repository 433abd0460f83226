/** One of our paths, for what the router itself does not tell: a wrong method, and the log's pattern. */
export type RoutePath = {
  /** As in "/payments/api/v1/invoices/:id". */
  readonly pattern: string;
  /** What it takes, HEAD and OPTIONS among them. */
  readonly methods: ReadonlySet<string>;
  /** The same for the header `Allow`. */
  readonly allow: string;
};
export type RouteTable = {
  /** Null: nothing is served there. */
  readonly at: (path: string) => RoutePath | null;
  /** The path of a URL. Null: it is none, as where its host is none. */
  readonly pathOf: (url: string) => string | null;
};

export const routeTable = (routes: readonly { readonly method: string; readonly path: string }[]): RouteTable => {
  const fixed = new Map<string, RoutePath>();
  const open: (RoutePath & { readonly shape: RegExp })[] = [];
  for (const [pattern, ofPath] of Map.groupBy(routes, ({ path }) => path)) {
    const own = new Set(ofPath.map(({ method }) => method));
    const methods = new Set([...own, ...(own.has("GET") ? ["HEAD"] : []), "OPTIONS"]);
    const route = { pattern, methods, allow: [...methods].join(", ") };
    if (pattern.includes(":")) open.push({ ...route, shape: new RegExp(`^${pattern.replace(/:[^/]+/g, "[^/]+")}$`) });
    else fixed.set(pattern, route);
  }
  return {
    at: (asked) => {
      // The router takes a slash more at the end for the same path.
      const path = asked.length > 1 && asked.endsWith("/") ? asked.slice(0, -1) : asked;
      return fixed.get(path) ?? open.find(({ shape }) => shape.test(path)) ?? null;
    },
    // One that is written exactly as we have it needs no parsing, which takes longer than to find it.
    pathOf: (url) => {
      const written = url.slice(url.indexOf("/", ORIGIN.length));
      return url.startsWith(ORIGIN) && fixed.has(written) ? written : (URL.parse(url)?.pathname ?? null);
    },
  };
};

const ORIGIN = "http://";
