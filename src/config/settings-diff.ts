/**
 * What a reload would do: which settings change at once, which wait for the next start, which are set in vain. Pure but for the
 * key of the marks.
 */
import { createHash, createHmac, randomBytes } from 'node:crypto'
import type { Setting } from './setting.js'
import { isShadowed, type SettingSources } from './setting-sources.js'
import { settingsList, type SettingsValue } from './settings-schema.js'

/** As it is shown to people; `null` = not set. */
export type ShownValue = string | number | boolean | null

/**
 * `live`: in force at once. `restart`: at the next start; until then `from` stays in force. `shadowed`: `to` is what the file says and
 * the environment overrules.
 */
export type ChangeEffect = 'live' | 'restart' | 'shadowed'

export interface SettingChange {
  readonly name: string
  readonly from: ShownValue
  readonly to: ShownValue
  readonly effect: ChangeEffect
}

interface Comparison {
  readonly running: SettingsValue
  /** What the next start would run with. */
  readonly candidate: SettingsValue
  readonly sources: SettingSources
}

const DIGEST_CHARACTERS = 12
/** Of this process: a mark tells that a secret changed, and gives nobody anything to try guesses on. */
const markKey = randomBytes(32)

/** In the order of the table. */
export function diffSettings({ running, candidate, sources }: Comparison): readonly SettingChange[] {
  return settingsList.flatMap(({ group, key, setting }): readonly SettingChange[] => {
    const name = setting.env
    const [from, to] = [shownValue(setting, running, group, key), shownValue(setting, candidate, group, key)]
    const changes: SettingChange[] = []
    if (from !== to) changes.push({ name, from, to, effect: setting.live ? 'live' : 'restart' })
    if (isShadowed(name, sources)) {
      const text = sources.file[name] ?? null
      changes.push({ name, from, to: setting.secret === true && text !== null ? mark(text) : text, effect: 'shadowed' })
    }
    return changes
  })
}

/** `candidate`, but what needs a restart as it is running. */
export function settingsInForce(running: SettingsValue, candidate: SettingsValue): SettingsValue {
  const groups: Record<string, Record<string, unknown>> = {}
  for (const { group, key, setting } of settingsList) {
    ;(groups[group] ??= {})[key] = valueAt(setting.live ? candidate : running, group, key)
  }
  for (const group of Object.values(groups)) Object.freeze(group)
  // Made of two values of that type, key by key.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.freeze(groups) as unknown as SettingsValue
}

/** The same for two processes whose settings are the same, secrets not counted: it may be shown to anybody. */
export function settingsDigest(value: SettingsValue): string {
  const shown = settingsList
    .filter(({ setting }) => setting.secret !== true)
    .map(({ group, key, setting }) => [setting.env, shownValue(setting, value, group, key)])
  return createHash('sha256').update(JSON.stringify(shown)).digest('hex').slice(0, DIGEST_CHARACTERS)
}

export function shownValue(setting: Setting, settings: SettingsValue, group: string, key: string): ShownValue {
  const value = valueAt(settings, group, key)
  if (value === undefined) return null
  const shown =
    typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : textOf(value)
  return setting.secret === true ? mark(String(shown)) : shown
}

/** Lists and addresses. An empty list is set by `none`, while an empty text would stand for the default. */
const textOf = (value: unknown): string => (Array.isArray(value) ? value.join(',') || 'none' : JSON.stringify(value))

const valueAt = (settings: SettingsValue, group: string, key: string): unknown =>
  (settings as Readonly<Record<string, Readonly<Record<string, unknown>>>>)[group]?.[key]

const mark = (secret: string): string =>
  `secret #${createHmac('sha256', markKey).update(secret).digest('hex').slice(0, DIGEST_CHARACTERS)}`
