// Training steps aside while answers are written: its processes are halted (SIGSTOP) and go on in the gaps. Used by
// serve/local-engine.ts, which counts the answers, and train-process.ts, which names the processes. A low priority alone is
// not enough: cores that are two threads of one slow each other down. Knows no training and no serving.
// Invariant: a process is never halted for longer than `haltMsMost` at a time and then runs for `turnMsLeast`, so that
// training goes on under any load; without answers it is not halted.

/** What can be halted; a ChildProcess. */
interface Haltable {
  kill(signal: 'SIGSTOP' | 'SIGCONT'): boolean;
}

export interface StepAside {
  /** An answer begins. @returns what to call when it ends; again does nothing */
  answering(): () => void;
  /** Halts this process with the others from now on. @returns what to call when it has ended */
  follow(child: Haltable): () => void;
}

export function createStepAside({ haltMsMost = 1000, turnMsLeast = 1000 } = {}): StepAside {
  const children = new Set<Haltable>();
  let answers = 0;
  let state: 'running' | 'halted' | 'turn' = 'running';
  let timer: NodeJS.Timeout | undefined;

  const enter = (next: typeof state, forMs?: number): void => {
    clearTimeout(timer);
    if ((state === 'halted') !== (next === 'halted'))
      for (const child of children) child.kill(next === 'halted' ? 'SIGSTOP' : 'SIGCONT');
    state = next;
    // The timer must not keep a program alive that has nothing else to do.
    timer = forMs === undefined ? undefined : setTimeout(over, forMs).unref();
  };
  const over = (): void => {
    if (state === 'halted') enter('turn', turnMsLeast);
    else {
      enter('running');
      settle();
    }
  };
  const settle = (): void => {
    if (state === 'running' && answers > 0 && children.size > 0) enter('halted', haltMsMost);
    else if (state === 'halted' && answers === 0) enter('running');
  };
  return {
    answering: () => {
      let open = true;
      answers += 1;
      settle();
      return () => {
        if (!open) return;
        open = false;
        answers -= 1;
        settle();
      };
    },
    follow: (child) => {
      children.add(child);
      if (state === 'halted') child.kill('SIGSTOP');
      settle();
      return () => {
        children.delete(child);
        if (children.size === 0 && state === 'halted') enter('running');
      };
    },
  };
}
