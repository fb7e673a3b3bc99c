/** Every setting that the table calls live takes effect on a server that runs. */
import { describe, expect, test } from 'vitest'
import { settingsList } from '../../src/config/settings-schema.js'
import { isOpensslMissing } from '../support/certificate-authority.js'
import { abuseScenarios } from './live/abuse-scenarios.js'
import { authScenarios } from './live/auth-scenarios.js'
import { deliveryScenarios } from './live/delivery-scenarios.js'
import { logScenarios } from './live/log-scenarios.js'
import { outputScenarios } from './live/output-scenarios.js'
import { roomScenarios } from './live/room-scenarios.js'
import { tlsScenarios } from './live/tls-scenarios.js'
import { transportScenarios } from './live/transport-scenarios.js'

const scenarios = {
  ...abuseScenarios,
  ...authScenarios,
  ...roomScenarios,
  ...deliveryScenarios,
  ...logScenarios,
  ...outputScenarios,
  ...tlsScenarios,
  ...transportScenarios,
}
/** Wants a cluster: `test/cluster/redirect.spec.ts` changes it. */
const elsewhere = ['NESTWIRE_CLUSTER_ROUTING']

test('there is a scenario for each live setting, and for no other', () => {
  const live = settingsList.filter(({ setting }) => setting.live).map(({ setting }): string => setting.env)
  expect([...Object.keys(scenarios), ...elsewhere].toSorted()).toEqual(live.toSorted())
})

const wantsOpenssl = Object.keys(tlsScenarios)

describe('a change is in force at once', () => {
  test.skipIf(isOpensslMissing).each(Object.entries(tlsScenarios))('%s', async (_name, scenario) => scenario())
  test.each(Object.entries(scenarios).filter(([name]) => !wantsOpenssl.includes(name)))('%s', async (_name, scenario) =>
    scenario(),
  )
})
