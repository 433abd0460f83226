type Batch<Key, Found> = {
  readonly keys: Set<Key>;
  readonly found: PromiseWithResolvers<ReadonlyMap<Key, Found>>;
};

/** What is read by key, asked for at any time; null: nothing is there. */
export type ReadByKey<Key, Found> = (key: Key) => Promise<Found | null>;

/**
 * Gathers the keys that are asked for within one turn of the event loop, and reads them at once: under load a statement
 * answers many, alone it answers one. A read begins after all its keys were asked for, so that nobody is told what was true
 * before the question. One that fails, fails for all who asked.
 * @param most keys in one read
 */
export const groupRead = <Key, Found>(
  read: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Found>>,
  { most = 256 }: { readonly most?: number } = {},
): ReadByKey<Key, Found> => {
  let gathering: Batch<Key, Found> | null = null;

  const begin = (): Batch<Key, Found> => {
    const batch: Batch<Key, Found> = { keys: new Set(), found: Promise.withResolvers() };
    setImmediate(() => {
      if (gathering === batch) send(batch);
    });
    return batch;
  };
  const send = ({ keys, found }: Batch<Key, Found>): void => {
    gathering = null;
    read([...keys]).then(found.resolve, found.reject);
  };

  return async (key) => {
    gathering ??= begin();
    const { keys, found } = gathering;
    keys.add(key);
    if (keys.size >= most) send(gathering);
    return (await found.promise).get(key) ?? null;
  };
};
