/** What the shop is told by its environment. */
export interface ShopSettings {
  readonly httpPort: number
  /** Of the chat server, where the shop's own client finds it. */
  readonly chatPort: number
  /** Signs the tokens of customers, and that of the shop itself. */
  readonly secret: string
  /** Further settings of the chat server; its own defaults else. */
  readonly dataDir: string | undefined
}

export function readShopSettings(env: Readonly<Record<string, string | undefined>>): ShopSettings {
  const secret = env['NESTWIRE_AUTH_SECRET']
  if (secret === undefined) throw new Error('NESTWIRE_AUTH_SECRET is not set: openssl rand -hex 32')
  return {
    httpPort: Number(env['SHOP_HTTP_PORT'] ?? 7440),
    chatPort: Number(env['NESTWIRE_PORT'] ?? 7420),
    secret,
    dataDir: env['NESTWIRE_DATA_DIR'],
  }
}
