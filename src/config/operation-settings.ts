/** How the server is run and looked after. The table of all settings is in `settings-schema.ts`. */
import { oneOf, text } from './setting-types.js'
import type { Setting } from './setting.js'

export const operationSettings = {
  configFile: {
    env: 'NESTWIRE_CONFIG_FILE',
    type: text(),
    default: undefined,
    effect:
      'File with settings, as lines NAME=value; set in the environment. Without it .env of the working folder, if there is one.',
    live: false,
  },
  adminAccess: {
    env: 'NESTWIRE_ADMIN_ACCESS',
    type: oneOf('loopback', 'token'),
    default: 'loopback',
    effect:
      'Who may use /admin without a token of role admin: loopback, programs on this machine that ask it directly; token, nobody.',
    live: true,
  },
} as const satisfies Record<string, Setting>
