/** Time as a dependency: servers and clients ask it, tests turn it by hand. */
export interface Clock {
  /** Unix milliseconds: for stamps and expiry dates. May jump when somebody sets the machine's clock. */
  now(): number
  /** Milliseconds since some fixed moment: for deadlines. Only grows. */
  uptimeMs(): number
  /** Calls `tick` about every `intervalMs` until the returned function is called. Never keeps a process alive. */
  every(intervalMs: number, tick: () => void): () => void
}

export const systemClock: Clock = {
  now: Date.now,
  uptimeMs: () => Math.floor(performance.now()),
  every(intervalMs, tick) {
    const timer = setInterval(tick, intervalMs).unref()
    return () => clearInterval(timer)
  },
}
