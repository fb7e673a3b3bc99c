/** What the bot is told by its environment. */
export interface BotSettings {
  readonly host: string
  readonly port: number
  /** Of a user with role `service`, so that the bot may post in rooms it is not in. */
  readonly token: string
  /** Where it listens for commands. */
  readonly room: string
  readonly httpPort: number
}

export function readBotSettings(env: Readonly<Record<string, string | undefined>>): BotSettings {
  const token = env['NESTWIRE_TOKEN']
  if (token === undefined) throw new Error('NESTWIRE_TOKEN is not set: npx nestwire token --user clock --role service')
  return {
    host: env['NESTWIRE_HOST'] ?? '127.0.0.1',
    port: Number(env['NESTWIRE_PORT'] ?? 7420),
    token,
    room: env['BOT_ROOM'] ?? 'lobby',
    httpPort: Number(env['BOT_HTTP_PORT'] ?? 7430),
  }
}
