import type { SettingsValue } from './settings-schema.js'

type SettingsListener = (next: SettingsValue, previous: SettingsValue) => void

/**
 * The one place where settings live. `current` is immutable and replaced whole, so a reader sees all of one version;
 * whoever needs a value reads it from here each time.
 */
export class Settings {
  #current: SettingsValue
  readonly #listeners = new Set<SettingsListener>()

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

  /** Calls `listener` after each swap; returns how to stop it. */
  onChange(listener: SettingsListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }
}
