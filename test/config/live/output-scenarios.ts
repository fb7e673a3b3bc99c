/** What is written into the log, before and after a setting changes. */
import { Logger } from '@nestjs/common'
import { expect } from 'vitest'
import { loadSettings } from '../../../src/config/load-settings.js'
import { captureOutput } from '../../support/captured-output.js'
import { runApp } from '../../support/running-app.js'

export const outputScenarios = {
  NESTWIRE_LOG_LEVEL: async (): Promise<void> => {
    const { text } = captureOutput()
    const { settings } = await runApp({ NESTWIRE_LOG_LEVEL: 'warn' })
    const logger = new Logger('Test')
    logger.debug('told before')
    settings.swap(loadSettings({ NESTWIRE_LOG_LEVEL: 'debug' }))
    logger.debug('told after')
    expect([text().includes('told before'), text().includes('told after')]).toEqual([false, true])
  },
} as const
