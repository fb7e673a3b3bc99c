/**
 * The log of the server process: one JSON object a line, or lines for people. Fields given as an object beside the
 * message (`logger.log('text', { connection })`) become keys of the JSON object, and `key=value` at the end of a line
 * for people. Text of others is escaped and cut, and a flood is counted instead of written.
 */
import { isatty } from 'node:tty'
import { inspect } from 'node:util'
import { ConsoleLogger, type LogLevel } from '@nestjs/common'
import type { Clock } from '../clock.js'
import type { Settings } from '../config/settings.js'
import type { SettingsValue } from '../config/settings-schema.js'
import { LineBudget } from '../line-budget.js'
import { cut, escapeControls, fieldsText, indented } from './plain-text.js'

/** Of one level and part of the server. */
const MAX_LINES_PER_SECOND = 100
const SECOND_MS = 1_000
const STDOUT = 1
/** What Nest tells of its own start, a line for each module and route: nobody who runs a server wants it but in search of a fault. */
const NEST_START: ReadonlySet<string> = new Set([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
  'NestMicroservice',
])

/** Whether lines are JSON: as the setting says, else if nobody reads them at a terminal. */
export const writesJson = ({ output: { logJson } }: SettingsValue): boolean =>
  logJson === 'auto' ? !isatty(STDOUT) : logJson === 'true'

export class ServerLogger extends ConsoleLogger {
  private readonly budget = new LineBudget(MAX_LINES_PER_SECOND)
  private readonly stops: readonly (() => void)[]
  private isLeftOut = false

  /** Level as in the settings, also when they change. Runs until `close`. */
  constructor(settings: Settings, clock: Clock) {
    const json = writesJson(settings.current)
    const levelsOf = ({ output }: SettingsValue): LogLevel[] => [output.logLevel]
    super({
      prefix: 'Nestwire',
      json,
      colors: !json && isatty(STDOUT),
      logLevels: levelsOf(settings.current),
      flattenParams: true,
    })
    this.stops = [
      settings.onChange((next) => this.setLogLevels(levelsOf(next))),
      clock.every(SECOND_MS, () => this.tellLeftOut()),
    ]
  }

  /** What is logged from here on is still written, within the lines of one last second. */
  close(): void {
    this.tellLeftOut()
    for (const stop of this.stops) stop()
  }

  protected override printMessages(...args: Parameters<ConsoleLogger['printMessages']>): void {
    const [, context = '', level = 'log'] = args
    if (level === 'log' && NEST_START.has(context) && !this.isLevelEnabled('debug')) return
    this.isLeftOut = !this.budget.admits(`${level} ${context}`)
    if (!this.isLeftOut) super.printMessages(...args)
  }

  /** Nest calls it for each error, those without a stack included. */
  protected override printStackTrace(stack: string | undefined): void {
    if (!this.isLeftOut && stack) super.printStackTrace(indented(`    ${stack}`))
  }

  protected override stringifyMessage(message: unknown, level: LogLevel): string {
    const resolved = this.resolveMessage(message)
    if (typeof resolved === 'string') return super.stringifyMessage(escapeControls(cut(resolved)), level)
    return indented(inspect(resolved, { ...this.inspectOptions, colors: false }))
  }

  protected override stringifyParams(params: Readonly<Record<string, unknown>>): string {
    return fieldsText(params)
  }

  protected override stringifyJsonLogObject(line: Record<string, unknown>): string {
    // JSON itself has no control characters, so what is found stands inside a string.
    return escapeControls(super.stringifyJsonLogObject(line))
  }

  protected override stringifyReplacer(key: string, value: unknown): unknown {
    return typeof value === 'string' ? cut(value) : super.stringifyReplacer(key, value)
  }

  private tellLeftOut(): void {
    for (const [kind, lines] of this.budget.next()) this.warn(`${lines} more lines were left out`, { kind }, 'Log')
  }
}
