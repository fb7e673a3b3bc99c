const PREFIX = 'order-'

export const roomOf = (order: string): string => `${PREFIX}${order}`
export const orderOf = (room: string): string => room.slice(PREFIX.length)
