/**
 * Reload as a transaction: all sources are read and judged as a whole; then everything that may change while the server runs changes
 * at once, or nothing does. A dry run is the same without the change.
 */
import { Logger } from '@nestjs/common'
import type { ConfigFile } from './config-file.js'
import { checkRules, loadSettings } from './load-settings.js'
import { mergedSources, shadowedIn, type SettingSources } from './setting-sources.js'
import { diffSettings, settingsDigest, settingsInForce, type SettingChange } from './settings-diff.js'
import type { SettingsValue } from './settings-schema.js'
import type { Settings } from './settings.js'
import { SharedTurns } from './shared-turns.js'
import { StartUpError } from './start-up-error.js'

export type ReloadTrigger = 'signal' | 'file' | 'admin'

export interface ReloadResult {
  readonly trigger: ReloadTrigger
  readonly isDryRun: boolean
  /** Unix milliseconds. */
  readonly atMs: number
  readonly isOk: boolean
  /** Why nothing was changed, all reasons at once; none tells a value. */
  readonly problems: readonly string[]
  /** None where there are problems. */
  readonly changes: readonly SettingChange[]
  /** Of the settings in force afterwards. */
  readonly digest: string
}

/** Where the settings come from. */
export interface ConfigPlaces {
  /** As of the start. */
  readonly sources: SettingSources
  readonly file: ConfigFile | undefined
  /** Of the file when it was read. */
  readonly fileSignature: string
}

type Plan =
  | { readonly isOk: false; readonly problems: readonly string[] }
  | {
      readonly isOk: true
      readonly sources: SettingSources
      readonly candidate: SettingsValue
      readonly changes: readonly SettingChange[]
      readonly digest: string
      readonly commit: () => void
    }

export class ConfigReload {
  /** Since the start, without dry runs. */
  readonly counts = { ok: 0, failed: 0 }
  /** Of the file as it was read last, by whichever reload. */
  fileSignature: string
  private lastResult: ReloadResult | undefined
  private good: { readonly sources: SettingSources; readonly candidate: SettingsValue }
  private readonly logger = new Logger('Config')
  private readonly turns = new SharedTurns<'reload' | 'dryRun', ReloadResult>()

  constructor(
    private readonly settings: Settings,
    private readonly places: ConfigPlaces,
    private readonly now: () => number,
  ) {
    this.good = { sources: places.sources, candidate: settings.current }
    this.fileSignature = places.fileSignature
  }

  /** Absent before the first; dry runs do not count. */
  get last(): ReloadResult | undefined {
    return this.lastResult
  }

  /** Where the settings come from that are in force. */
  get sources(): SettingSources {
    return this.good.sources
  }

  /** What the last good reload could not put in force: what waits for a restart, what is set in vain. */
  get pending(): readonly SettingChange[] {
    return diffSettings({ running: this.settings.current, ...this.good }).filter(({ effect }) => effect !== 'live')
  }

  /** Where those come from that need a restart. */
  get sourcesAtStart(): SettingSources {
    return this.places.sources
  }

  get file(): ConfigFile | undefined {
    return this.places.file
  }

  /** Puts in force what the sources say now. Resolves also if they say something that cannot be; nothing has changed then. */
  run(trigger: ReloadTrigger): Promise<ReloadResult> {
    return this.turns.ask('reload', () => this.reload(trigger))
  }

  /** What `run` would do now. */
  dryRun(trigger: ReloadTrigger): Promise<ReloadResult> {
    return this.turns.ask('dryRun', async () => this.resultOf(await this.plan(), { trigger, isDryRun: true }))
  }

  private async reload(trigger: ReloadTrigger): Promise<ReloadResult> {
    // Before the file is read: what is written meanwhile is another change.
    this.fileSignature = (await this.places.file?.signature()) ?? ''
    const result = this.resultOf(this.carryOut(await this.plan()), { trigger, isDryRun: false })
    this.lastResult = result
    this.counts[result.isOk ? 'ok' : 'failed'] += 1
    this.tell(result)
    return result
  }

  /** A listener that throws is a bug, which must not end the process. */
  private carryOut(plan: Plan): Plan {
    if (!plan.isOk) return plan
    try {
      plan.commit()
      this.good = plan
      return plan
    } catch (error) {
      return { isOk: false, problems: this.problemsOf(error) }
    }
  }

  private async plan(): Promise<Plan> {
    const { settings, places } = this
    try {
      const sources = { ...places.sources, file: (await places.file?.read()) ?? {} }
      const candidate = loadSettings(mergedSources(sources), shadowedIn(sources))
      const next = settingsInForce(settings.current, candidate)
      checkRules(next)
      const changes = diffSettings({ running: settings.current, candidate, sources })
      const commit = await settings.prepare(next)
      return { isOk: true, sources, candidate, changes, digest: settingsDigest(next), commit }
    } catch (error) {
      return { isOk: false, problems: this.problemsOf(error) }
    }
  }

  private problemsOf(error: unknown): readonly string[] {
    if (error instanceof StartUpError) return error.message.split('\n')
    this.logger.error(error)
    return ['the server failed over these settings; its log says more']
  }

  private resultOf(plan: Plan, about: Pick<ReloadResult, 'trigger' | 'isDryRun'>): ReloadResult {
    const atMs = this.now()
    if (plan.isOk) return { ...about, atMs, isOk: true, problems: [], changes: plan.changes, digest: plan.digest }
    const digest = settingsDigest(this.settings.current)
    return { ...about, atMs, isOk: false, problems: plan.problems, changes: [], digest }
  }

  /** Names of settings, never their values. */
  private tell({ trigger, isOk, problems, changes, digest }: ReloadResult): void {
    const by = `reload (${trigger})`
    if (!isOk) return this.logger.error(`${by} refused, nothing has changed: ${problems.join('; ')}`)
    const names = (effect: SettingChange['effect']): string =>
      changes.flatMap((change) => (change.effect === effect ? [change.name] : [])).join(', ')
    const [live, restart, shadowed] = [names('live'), names('restart'), names('shadowed')]
    this.logger.log(`${by} done, digest ${digest}: ${live === '' ? 'no setting has changed' : `changed ${live}`}`)
    if (restart !== '') this.logger.warn(`not in force before a restart: ${restart}`)
    if (shadowed !== '') this.logger.warn(`set in the file in vain, the environment says otherwise: ${shadowed}`)
  }
}
