import type { SettingsValue } from './settings-schema.js'
import { StartUpError } from './start-up-error.js'

type SettingsListener = (next: SettingsValue, previous: SettingsValue) => void

/**
 * Makes what cannot be judged by its text, such as the keys in a file that a setting names. Returns how to put it to use,
 * which must not fail. Rejects with `StartUpError` if these settings cannot be used.
 */
export type Preparation = (next: SettingsValue) => Promise<() => void>

/**
 * The one place where settings live. `current` is immutable and replaced whole, so a reader sees all of one version;
 * whoever needs a value reads it from here each time.
 */
export class Settings {
  #current: SettingsValue
  readonly #listeners = new Set<SettingsListener>()
  readonly #preparations = new Set<Preparation>()

  constructor(initial: SettingsValue) {
    this.#current = initial
  }

  get current(): SettingsValue {
    return this.#current
  }

  /** Replaces the value, then tells the listeners in the order in which they came. */
  swap(next: SettingsValue): void {
    const previous = this.#current
    this.#current = next
    for (const listener of this.#listeners) listener(next, previous)
  }

  /**
   * Has everything prepared for `next`, and returns how to put all of it in force in one go: value, what was prepared,
   * listeners. Rejects with a `StartUpError` that has a line for each preparation that failed, and nothing has changed then.
   */
  async prepare(next: SettingsValue): Promise<() => void> {
    const outcomes = await Promise.allSettled([...this.#preparations].map(async (prepare) => prepare(next)))
    const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []))
    if (failures.length > 0) throw inOne(failures)
    return () => {
      for (const outcome of outcomes) if (outcome.status === 'fulfilled') outcome.value()
      this.swap(next)
    }
  }

  /** Calls `listener` after each swap; returns how to stop it. */
  onChange(listener: SettingsListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Calls `preparation` before each change by `prepare`, also for settings that are what they were; returns how to stop it. */
  onPrepare(preparation: Preparation): () => void {
    this.#preparations.add(preparation)
    return () => void this.#preparations.delete(preparation)
  }
}

/** What the operator must mend, all at once; a bug comes first. */
function inOne(failures: readonly unknown[]): unknown {
  const messages: string[] = []
  for (const failure of failures) {
    if (!(failure instanceof StartUpError)) return failure
    messages.push(failure.message)
  }
  return new StartUpError(messages.join('\n'), { cause: failures[0] })
}
