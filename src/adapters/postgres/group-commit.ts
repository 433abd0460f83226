import type { Commit, CommitFailure, Committed, Storage } from "../../core/ports/storage.ts";
import { Bug, type Result } from "../../core/result.ts";

type Answer = Result<Committed, CommitFailure>;
type Waiting = {
  readonly commits: readonly Commit[];
  readonly answer: (answers: readonly Answer[]) => void;
  readonly fail: (error: unknown) => void;
};

/**
 * Gathers what is to be committed while the transactions before it are under way, and writes it as one. Under load a
 * transaction carries many commits; alone, a commit waits for nobody.
 * @param most commits in one transaction
 * @param lanes transactions at the same time
 */
export const groupCommit = (
  storage: Storage,
  { most = 64, lanes = 2 }: { readonly most?: number; readonly lanes?: number } = {},
): Storage => {
  const queue: Waiting[] = [];
  let busy = 0;

  const next = (): void => {
    if (busy >= lanes || queue.length === 0) return;
    const batch: Waiting[] = [];
    for (let size = 0; queue[0] !== undefined && (size === 0 || size + queue[0].commits.length <= most); ) {
      size += queue[0].commits.length;
      batch.push(queue.shift() as Waiting);
    }
    busy += 1;
    void write(storage, batch).finally(() => {
      busy -= 1;
      next();
    });
  };

  return {
    ...storage,
    commit: (commits) =>
      new Promise((answer, fail) => {
        queue.push({ commits, answer, fail });
        next();
      }),
  };
};

const write = async (storage: Storage, batch: readonly Waiting[]): Promise<void> => {
  try {
    const answers = await storage.commit(batch.flatMap(({ commits }) => commits));
    let from = 0;
    for (const { commits, answer } of batch) {
      answer(answers.slice(from, from + commits.length));
      from += commits.length;
    }
  } catch (error) {
    if (batch.length === 1 || !(error instanceof Bug)) {
      for (const { fail } of batch) fail(error);
      return;
    }
    // One of them broke a promise of ours. Each is written again by itself: who has been written is told so by its outcome.
    for (const one of batch) await write(storage, [one]);
  }
};
