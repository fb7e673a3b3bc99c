/**
 * Says when the file has changed and is whole. Editors write it in several steps, replace it by another of its name, or change what a
 * link leads to, so its folder is watched, and the file counts as whole when it was the same at two looks in a row.
 */
import { watch, type FSWatcher } from 'node:fs'
import { dirname } from 'node:path'
import { Logger } from '@nestjs/common'
import type { Clock } from '../clock.js'

/** Between two looks; a file that is written more slowly than this is read in halves. */
export const LOOK_INTERVAL_MS = 250

interface ConfigFileWatchParts {
  readonly path: string
  readonly clock: Clock
  /** Of the file as it is now. */
  readonly signature: () => Promise<string>
  /** Of the file as it was read last. */
  readonly readSignature: () => string
  readonly onChanged: () => void
}

export class ConfigFileWatch {
  private watcher: FSWatcher | undefined
  private stopLooking: (() => void) | undefined
  private isLooking = false
  private hasNews = false
  private lastSignature = ''

  constructor(private readonly parts: ConfigFileWatchParts) {}

  /** What changed since it was read is found, too. */
  start(): void {
    try {
      this.watcher = watch(dirname(this.parts.path), { persistent: false }, () => this.onNews())
      this.watcher.on('error', (error) => this.fail(error))
      this.onNews()
    } catch (error) {
      this.fail(error)
    }
  }

  close(): void {
    this.watcher?.close()
    this.watcher = undefined
    this.rest()
  }

  /** Something happened in the folder, perhaps to the file. */
  private onNews(): void {
    this.hasNews = true
    this.stopLooking ??= this.parts.clock.every(LOOK_INTERVAL_MS, () => void this.look())
  }

  private async look(): Promise<void> {
    if (this.isLooking) return
    this.isLooking = true
    this.hasNews = false
    const signature = await this.parts.signature()
    this.isLooking = false
    if (this.watcher === undefined) return
    if (signature === this.parts.readSignature()) {
      if (!this.hasNews) this.rest()
    } else if (signature === this.lastSignature) {
      this.rest()
      this.parts.onChanged()
    }
    this.lastSignature = signature
  }

  private rest(): void {
    this.stopLooking?.()
    this.stopLooking = undefined
  }

  private fail(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    new Logger('Config').warn(`changes of ${this.parts.path} are not noticed (SIGHUP still reads it): ${reason}`)
    this.close()
  }
}
