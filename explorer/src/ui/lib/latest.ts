/** Runs an async function one call at a time. While one runs only the newest call is remembered; those
 * before it are answered together with it. So a drag over a slow network lags by at most one run. */
export function latest<A extends unknown[]>(work: (...args: A) => Promise<void>): (...args: A) => Promise<void> {
  let busy: Promise<void> | null = null;
  let next: { args: A; promise: Promise<void>; done: () => void } | null = null;

  async function loop(args: A): Promise<void> {
    try {
      await work(...args);
    } finally {
      if (next) {
        const { args: following, done } = next;
        next = null;
        busy = loop(following).then(done, done);
      } else busy = null;
    }
  }

  return (...args: A) => {
    if (!busy) return (busy = loop(args));
    if (next) {
      next.args = args;
      return next.promise;
    }
    let done!: () => void;
    const promise = new Promise<void>((resolve) => (done = resolve));
    next = { args, promise, done };
    return promise;
  };
}
