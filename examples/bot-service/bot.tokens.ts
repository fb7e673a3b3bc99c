export const BOT_SETTINGS = Symbol('bot settings')
/** The `NestwireClient` of this service. */
export const CHAT = Symbol('chat')
