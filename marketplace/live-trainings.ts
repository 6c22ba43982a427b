// The trainings that this process is working on, so that a cancellation reaches the one that runs. True of this process
// only; the run's row is the truth. Made by create-marketplace.ts, used by factory/.

export interface LiveTrainings {
  /** The signal that aborts when the run is cancelled. */
  begin(runId: string): AbortSignal;
  end(runId: string): void;
  /** False when no such run is being worked on here. */
  cancel(runId: string): boolean;
}

export function createLiveTrainings(): LiveTrainings {
  const running = new Map<string, AbortController>();
  return {
    begin(runId) {
      const controller = new AbortController();
      running.set(runId, controller);
      return controller.signal;
    },
    end(runId) {
      running.delete(runId);
    },
    cancel(runId) {
      const controller = running.get(runId);
      controller?.abort(new Error('the training was cancelled'));
      return controller !== undefined;
    },
  };
}
