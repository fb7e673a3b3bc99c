export const BOT_SETTINGS = Symbol('bot settings')
