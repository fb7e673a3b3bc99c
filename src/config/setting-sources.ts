/** Where settings are set, and which place wins. Pure. */

import type { Environment } from './load-settings.js'

export type SourceName = 'environment' | 'file' | 'default'

export interface SettingSources {
  /** Of the process; wins. Never changes while it runs. */
  readonly environment: Environment
  /** What the configuration file says now; empty without one. */
  readonly file: Environment
}

/** An empty text hides nothing: `NESTWIRE_X=` in the environment leaves the file its say. */
export function mergedSources({ environment, file }: SettingSources): Environment {
  const merged: Record<string, string | undefined> = { ...file }
  for (const [name, text] of Object.entries(environment)) if (isSet(text)) merged[name] = text
  return merged
}

export function originOf(name: string, { environment, file }: SettingSources): SourceName {
  if (isSet(environment[name])) return 'environment'
  return isSet(file[name]) ? 'file' : 'default'
}

/** Whether the file sets it to something else than the environment, in vain. */
export const isShadowed = (name: string, { environment, file }: SettingSources): boolean =>
  isSet(environment[name]) && isSet(file[name]) && environment[name] !== file[name]

/** What the file says and the environment overrules. */
export const shadowedIn = (sources: SettingSources): Environment =>
  Object.fromEntries(Object.entries(sources.file).filter(([name]) => isShadowed(name, sources)))

/** Those that are ours, known or not; a copy. */
export const ownVariables = (environment: Environment): Environment =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => name.startsWith('NESTWIRE_')))

const isSet = (text: string | undefined): boolean => text !== undefined && text !== ''
