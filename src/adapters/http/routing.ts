/** Which of our routes answers at a path, for what the router itself does not tell: a wrong method, and the log's pattern. */
export type RouteTable = {
  /** Pattern of the path, as in "/health/live"; null: nothing is served there. */
  readonly patternOf: (path: string) => string | null;
  /** Methods that the path takes, HEAD and OPTIONS among them. */
  readonly methodsOf: (path: string) => readonly string[];
};

export const routeTable = (routes: readonly { readonly method: string; readonly path: string }[]): RouteTable => {
  const fixed = new Map<string, Set<string>>();
  const open: { readonly shape: RegExp; readonly path: string; readonly methods: Set<string> }[] = [];
  for (const { method, path } of routes) {
    const known = fixed.get(path) ?? open.find((each) => each.path === path)?.methods;
    const methods = known ?? new Set<string>();
    methods.add(method);
    if (known !== undefined) continue;
    if (path.includes(":")) open.push({ shape: new RegExp(`^${path.replace(/:[^/]+/g, "[^/]+")}$`), path, methods });
    else fixed.set(path, methods);
  }
  const find = (asked: string): { readonly path: string; readonly methods: ReadonlySet<string> } | null => {
    // The router takes a slash more at the end for the same path.
    const path = asked.length > 1 && asked.endsWith("/") ? asked.slice(0, -1) : asked;
    const methods = fixed.get(path);
    return methods === undefined ? (open.find(({ shape }) => shape.test(path)) ?? null) : { path, methods };
  };
  return {
    patternOf: (path) => find(path)?.path ?? null,
    methodsOf: (path) => {
      const methods = find(path)?.methods;
      if (methods === undefined) return [];
      return [...methods, ...(methods.has("GET") ? ["HEAD"] : []), "OPTIONS"];
    },
  };
};
